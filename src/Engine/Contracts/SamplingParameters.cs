namespace KServePaged.Engine.Contracts;

/// <summary>
/// How tokens are chosen and when generation ends. A null property means: the model's generation_config.json, and where that is
/// silent the neutral value named at the property. Ranges are checked once, by the engine's input processor.
/// </summary>
public sealed record SamplingParameters
{
    /// <summary>[0, 2]; below 1e-5 is greedy. Neutral: 1.</summary>
    public double? Temperature { get; init; }

    /// <summary>(0, 1]. Neutral: 1.</summary>
    public double? TopP { get; init; }

    /// <summary>0 or -1 = off, else at least 1. Neutral: 0.</summary>
    public int? TopK { get; init; }

    /// <summary>[0, 1]. Neutral: 0.</summary>
    public double? MinP { get; init; }

    /// <summary>Above 0. Neutral: 1.</summary>
    public double? RepetitionPenalty { get; init; }

    /// <summary>[-2, 2].</summary>
    public double PresencePenalty { get; init; }

    /// <summary>[-2, 2].</summary>
    public double FrequencyPenalty { get; init; }

    /// <summary>Added to the logits of these ids; values are clamped to [-100, 100].</summary>
    public IReadOnlyDictionary<int, float>? LogitBias { get; init; }

    /// <summary>Any 64-bit number; null draws one. Output i of n uses seed + i.</summary>
    public long? Seed { get; init; }

    /// <summary>New tokens at most; null = what the context leaves. 0 only together with a prompt that is echoed or scored.</summary>
    public int? MaxTokens { get; init; }

    /// <summary>No end token and no stop id before this many new tokens.</summary>
    public int MinTokens { get; init; }

    /// <summary>Texts that end the generation; cut from the output unless <see cref="IncludeStopStringInOutput"/>.</summary>
    public IReadOnlyList<string> Stop { get; init; } = [];

    /// <summary>Ids that end the generation besides the model's own end tokens.</summary>
    public IReadOnlyList<int> StopTokenIds { get; init; } = [];

    public bool IncludeStopStringInOutput { get; init; }

    /// <summary>The model's end tokens do not end the generation.</summary>
    public bool IgnoreEos { get; init; }

    /// <summary>Alternatives reported beside each token's log-probability; null = no log-probabilities at all.</summary>
    public int? TopLogprobs { get; init; }

    /// <summary>The same for the prompt's tokens; null = none.</summary>
    public int? PromptLogprobs { get; init; }

    /// <summary>Special tokens are left out of the text.</summary>
    public bool SkipSpecialTokens { get; init; } = true;
}
