namespace KServePaged.Engine.Contracts;

/// <summary>
/// The next piece of one output. The first delta of a request (<see cref="IsStart"/>) carries the prompt and no text; every output
/// ends with exactly one delta that has a <see cref="FinishReason"/>.
/// </summary>
public sealed record GenerationDelta
{
    /// <summary>Which of the request's outputs, from 0.</summary>
    public int OutputIndex { get; init; }

    /// <summary>True for the one delta that precedes all others and announces the accepted prompt.</summary>
    public bool IsStart { get; init; }

    /// <summary>New text; may be empty while a character or a possible stop string is incomplete.</summary>
    public string Text { get; init; } = "";

    /// <summary>New token ids.</summary>
    public IReadOnlyList<int> TokenIds { get; init; } = [];

    /// <summary>One entry a new token when log-probabilities were asked for, else empty.</summary>
    public IReadOnlyList<TokenLogprob> Logprobs { get; init; } = [];

    /// <summary>Null until the last delta of this output.</summary>
    public FinishReason? FinishReason { get; init; }

    /// <summary>The stop string that matched, or null.</summary>
    public string? StopString { get; init; }

    /// <summary>The stop id that matched (not set for the model's own end tokens), or null.</summary>
    public int? StopTokenId { get; init; }

    /// <summary>Ids of the prompt; only on the start delta.</summary>
    public IReadOnlyList<int>? PromptTokenIds { get; init; }

    /// <summary>Text of the prompt: as given, as rendered by the template, or decoded from the ids; only on the start delta.</summary>
    public string? PromptText { get; init; }

    /// <summary>One entry a prompt token when prompt log-probabilities were asked for; on the start delta.</summary>
    public IReadOnlyList<TokenLogprob>? PromptLogprobs { get; init; }

    /// <summary>From the request's acceptance to the first step that computed for it; zero on the start delta, which does not wait for that.</summary>
    public TimeSpan QueueTime { get; init; }

    /// <summary>When the request was accepted; only on the start delta.</summary>
    public DateTimeOffset? AcceptedAt { get; init; }

    /// <summary>From that first step to the request's first new token; zero before it.</summary>
    public TimeSpan PrefillTime { get; init; }

    /// <summary>From the request's first new token to the newest one that was read, of any output.</summary>
    public TimeSpan DecodeTime { get; init; }

    /// <summary>Counts so far.</summary>
    public Usage Usage { get; init; }
}
