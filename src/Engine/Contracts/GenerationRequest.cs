namespace KServePaged.Engine.Contracts;

/// <summary>One prompt and what to generate from it. Immutable; the protocols build it, the engine reads it.</summary>
public sealed record GenerationRequest
{
    /// <summary>Name for logs and responses, chosen by the server (never used as a key inside the engine).</summary>
    public required string RequestId { get; init; }

    public required Prompt Prompt { get; init; }

    public SamplingParameters Sampling { get; init; } = new();

    /// <summary>Independent outputs of the same prompt, which they share in the cache. 1 … EngineOptions.MaxOutputsPerRequest.</summary>
    public int OutputCount { get; init; } = 1;

    /// <summary>When the caller stops waiting; the generation is then aborted with DeadlineExceeded.</summary>
    public DateTimeOffset? Deadline { get; init; }

    /// <summary>When the request reached the server; latency metrics count from here.</summary>
    public DateTimeOffset? ArrivedAt { get; init; }

    /// <summary>Keeps cached prefixes of one tenant from being found by another; null = shared by all.</summary>
    public string? CacheSalt { get; init; }
}
