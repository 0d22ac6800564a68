namespace KServePaged.Engine.Contracts;

/// <summary>A consistent snapshot of the engine's state, taken after a step.</summary>
public readonly record struct EngineStatistics(
    int RunningSequences, int WaitingSequences, int UsedBlocks, int CachedBlocks, int TotalBlocks);
