using System.Runtime.InteropServices;

namespace KServePaged.Engine.Kernels;

/// <summary>kp_sampling_args of include/kp/sampling.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct SamplingArguments
{
    /// <summary>[rows, vocabulary] f32 with row stride <see cref="LogitsStride"/>; not changed.</summary>
    public nint Logits;
    public long LogitsStride;
    public long Vocabulary;

    /// <summary>[rows] of <see cref="SamplingRow"/>.</summary>
    public nint Row;

    /// <summary>i32 ids that the penalties count, ascending and each once within a row.</summary>
    public nint History;

    /// <summary>i32 beside <see cref="History"/>: occurrences in the output; 0 = seen in the prompt only.</summary>
    public nint HistoryOutputCounts;

    /// <summary>i32, ascending and each once within a row.</summary>
    public nint BiasIds;

    /// <summary>f32 beside <see cref="BiasIds"/>.</summary>
    public nint BiasValues;
    public nint BannedIds;

    /// <summary>Out [rows] i32; -1 where the logits held a NaN or no finite number.</summary>
    public nint Token;

    /// <summary>Out [rows] f32: log-softmax of the raw logits at the token.</summary>
    public nint Logprob;

    /// <summary>Out [rows] i32: ids whose raw log-probability is at least the token's.</summary>
    public nint Rank;

    /// <summary>Out [rows, maxTopLogprobs] i32, best first, ties by rising id.</summary>
    public nint TopIds;

    /// <summary>Out f32 beside <see cref="TopIds"/>.</summary>
    public nint TopLogprobs;

    /// <summary>At least <see cref="Device.SampleWorkspaceBytes"/>.</summary>
    public nint Workspace;
    public long WorkspaceBytes;
    public long Rows;
    public int MaxTopLogprobs;
    public int Reserved;
}
