using KServePaged.Engine.Kernels;

namespace KServePaged.Engine.Models;

/// <summary>
/// All that a model sees of a step: the batch as device arrays, the cache, and the activations. Made once, its step part set anew for
/// each step. Between two sublayers the hidden state is <see cref="Residual"/>, and <see cref="Normed"/> what the next one's norm makes of it.
/// </summary>
internal sealed class ForwardContext
{
    public required DeviceStream Stream { get; init; }

    /// <summary>Type of <see cref="Normed"/> and of everything else that feeds a matrix product.</summary>
    public required ElementType ComputeType { get; init; }

    public required int HiddenSize { get; init; }

    public required int BlockTokens { get; init; }

    public required CacheType CacheType { get; init; }

    /// <summary>Bytes from one block of the cache to the next.</summary>
    public required long BlockStride { get; init; }

    /// <summary>Address of each layer's keys in the first block; likewise the values.</summary>
    public required nint[] KeyCaches { get; init; }

    public required nint[] ValueCaches { get; init; }

    /// <summary>[tokens, hidden] f32.</summary>
    public required nint Residual { get; init; }

    /// <summary>[tokens, hidden] f32: what products that are added to the residual may work in.</summary>
    public required nint Delta { get; init; }

    /// <summary>[tokens, hidden] of <see cref="ComputeType"/>: what a norm makes for the next sublayer.</summary>
    public required nint Normed { get; init; }

    public required Scratch Scratch { get; init; }

    public int Tokens { get; set; }

    public int Sequences { get; set; }

    /// <summary>Largest number of cached tokens of a sequence, this step's included.</summary>
    public int MaxContext { get; set; }

    /// <summary>[tokens] i32; -1 - r stands for <see cref="SampledTokens"/>[r].</summary>
    public nint TokenIds { get; set; }

    /// <summary>[logit rows] i32: what the step before chose; written anew when this step's tokens are.</summary>
    public required nint SampledTokens { get; init; }

    /// <summary>[tokens] i32.</summary>
    public nint Positions { get; set; }

    /// <summary>[tokens] i64: where each token's key and value go.</summary>
    public nint Slots { get; set; }

    /// <summary>[sequences, stride] i32.</summary>
    public nint BlockTables { get; set; }

    public long BlockTableStride { get; set; }

    /// <summary>[sequences + 1] i32.</summary>
    public nint QueryStart { get; set; }

    /// <summary>[sequences] i32: cached tokens including this step's.</summary>
    public nint Context { get; set; }

    /// <summary>Tokens after which logits are wanted.</summary>
    public int LogitRows { get; set; }

    /// <summary>[<see cref="LogitRows"/>] i32: which tokens of the step they are; 0 where it is every token in order.</summary>
    public nint LogitTokens { get; set; }

    /// <summary>
    /// The last layer is about to run: once its keys and values are cached, nothing reads the tokens without logits any more. A sublayer may drop
    /// them (<see cref="KeepLogitRows"/>), which saves most of a layer for most of a prompt.
    /// </summary>
    public bool IsLastBlock { get; set; }

    /// <summary>From here on the step has its logit rows only.</summary>
    /// <param name="rows">[tokens, columns] of the compute type: what the sublayer computed so far.</param>
    /// <param name="columns">Elements of a row.</param>
    /// <param name="kept">Receives [<see cref="LogitRows"/>, columns] f32.</param>
    public void KeepLogitRows(nint rows, int columns, nint kept)
    {
        Stream.Embedding(rows, ComputeType, Tokens, columns, LogitTokens, sampled: 0, LogitRows, kept);
        Stream.Embedding(Residual, ElementType.Float32, Tokens, HiddenSize, LogitTokens, sampled: 0, LogitRows, Delta);
        Stream.Copy(Residual, Delta, (long)LogitRows * HiddenSize * ElementType.Float32.Bytes());
        Tokens = LogitRows;
        LogitTokens = 0;
    }
}
