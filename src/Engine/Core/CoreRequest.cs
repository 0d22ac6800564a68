namespace KServePaged.Engine.Core;

/// <summary>One request inside the core. Made on a request thread, changed on the engine thread only.</summary>
internal sealed class CoreRequest
{
    /// <summary>When it reached the server, in timestamps of the engine's clock.</summary>
    public required long ArrivedAt { get; init; }

    /// <summary>When the core took it over.</summary>
    public required long QueuedAt { get; init; }

    /// <summary>When it is given up, in timestamps of the engine's clock; null = never.</summary>
    public long? Deadline { get; init; }

    /// <summary>The first computes the prompt, the others find it in the cache. Set once by who makes the request.</summary>
    public IReadOnlyList<LiveSequence> Sequences { get; set; } = [];

    public SequenceOutput Output { get; } = new();

    /// <summary>Sequences that have not ended.</summary>
    public int LiveCount { get; set; }

    /// <summary>Whether one of its sequences was ever scheduled; until then it counts as waiting.</summary>
    public bool HasStarted { get; set; }

    /// <summary>Where it stands in the core's list of live requests; -1 = not there.</summary>
    public int LiveIndex { get; set; } = -1;

    /// <summary>The most tokens that one of its outputs got.</summary>
    public int LongestOutput { get; set; }
}
