namespace KServePaged.Engine.Contracts;

/// <summary>A consistent snapshot of the engine's state, taken after a step.</summary>
/// <param name="PendingTokens">Tokens that wait to be computed before every accepted request has its next token: prompts, or what is left of them.</param>
/// <param name="WorkSeconds">How long these take at the rate of late: about what a request that arrives now waits before its own prompt begins.</param>
/// <param name="FirstTokenSeconds">
/// What a request that arrives now with a prompt of the usual length waits for its first token; 0 until prompts have been computed.
/// </param>
public readonly record struct EngineStatistics(
    int RunningSequences, int WaitingSequences, int UsedBlocks, int CachedBlocks, int TotalBlocks,
    long PendingTokens = 0, double WorkSeconds = 0, double FirstTokenSeconds = 0);
