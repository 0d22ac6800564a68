using KServePaged.Engine.Contracts;

namespace KServePaged.Engine.Processing;

/// <summary>A request that passed every check, as the core and the output processor take it.</summary>
internal sealed record ProcessedRequest
{
    /// <summary>At least one id, all in the vocabulary.</summary>
    public required int[] PromptIds { get; init; }

    /// <summary>As given, rendered or decoded; null where the model has no tokenizer.</summary>
    public required string? PromptText { get; init; }

    /// <summary>The model's defaults are filled in; every value is in range.</summary>
    public required SamplingParameters Sampling { get; init; }

    /// <summary>At least 1, and the prompt and these fit into the context.</summary>
    public required int MaxNewTokens { get; init; }

    /// <summary>The caller asked for no new token; the one that the model makes anyway is counted and not shown.</summary>
    public required bool HidesOutput { get; init; }

    public required int OutputCount { get; init; }

    public required ulong Seed { get; init; }
}
