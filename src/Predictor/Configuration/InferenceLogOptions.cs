namespace KServePaged.Predictor.Configuration;

/// <summary>The log of requests and answers as CloudEvents, and what its events say of where they come from.</summary>
internal sealed record InferenceLogOptions
{
    /// <summary>Where events are posted; null = nowhere.</summary>
    public Uri? Url { get; init; }

    public InferenceLogMode Mode { get; init; }

    /// <summary>Largest request or answer that is logged with its content, in bytes.</summary>
    public long MaxEventBytes { get; init; } = 1 << 20;

    /// <summary>The pod's name, as with KServe's agent.</summary>
    public string Source { get; init; } = "kservepaged";

    /// <summary>The InferenceService; null = not under one.</summary>
    public string? Service { get; init; }

    public string? Namespace { get; init; }

    /// <summary>Which end point of the service: KServe's default or canary.</summary>
    public string Endpoint { get; init; } = "default";
}
