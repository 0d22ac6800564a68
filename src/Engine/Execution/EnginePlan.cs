using KServePaged.Engine.Kernels;
using KServePaged.Engine.Models;

namespace KServePaged.Engine.Execution;

/// <summary>Options × model × device, resolved once: what the engine is made of. Logged at the start.</summary>
internal sealed record EnginePlan
{
    public required StepLimits Limits { get; init; }

    /// <summary>How matrices are stored on the device; its type is that of tables too.</summary>
    public required LinearFormat Storage { get; init; }

    /// <summary>Type of cached keys and values.</summary>
    public required CacheType CacheType { get; init; }

    /// <summary>Longest prompt plus output, in tokens.</summary>
    public required int MaxModelLength { get; init; }

    public required int MaxSequences { get; init; }

    public required int BlockTokens { get; init; }

    public required int BlockCount { get; init; }

    /// <summary>What each part takes.</summary>
    public required MemoryLedger Memory { get; init; }

    public int MaxBatchedTokens => Limits.Tokens;

    public long LogitsBytes(DecoderSpec spec) => LogitsBytes(spec, Limits.LogitRows);

    public static long LogitsBytes(DecoderSpec spec, int rows) => (long)rows * spec.VocabularySize * ElementType.Float32.Bytes();

    public static int BlocksFor(int tokens, int blockTokens) => (int)(((long)tokens + blockTokens - 1) / blockTokens);
}
