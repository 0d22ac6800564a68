namespace KServePaged.Engine.Scheduling;

/// <summary>What one step may hold.</summary>
/// <param name="MaxSequences">Sequences that run together.</param>
/// <param name="MaxBatchedTokens">Tokens computed in a step.</param>
/// <param name="MaxLogitRows">Logit rows of a step: bounds the logits buffer where prompts are scored.</param>
internal sealed record SchedulingLimits(int MaxSequences, int MaxBatchedTokens, int MaxLogitRows)
{
    /// <summary>
    /// Prompt tokens of a step in which sequences decode, or three times all sequences that run or wait to, where that is more. Those that
    /// decode wait for the whole step.
    /// </summary>
    public int MixedPromptTokens { get; init; } = MaxBatchedTokens;
}
