using System.Runtime.InteropServices;

namespace KServePaged.Engine.Kernels;

/// <summary>kp_paged_attention_args of include/kp/attention.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PagedAttentionArguments
{
    /// <summary>[tokens, queryHeads, headDim] f32 with row stride <see cref="QStride"/>; may be the fused qkv.</summary>
    public nint Q;
    public long QStride;

    /// <summary>The layer's keys in the first block of include/kp/kv_cache.h; likewise the values.</summary>
    public nint KeyCache;
    public nint ValueCache;

    /// <summary>Bytes from one block to the next, a multiple of 4.</summary>
    public long BlockStride;

    /// <summary>[sequences, blockTableStride] i32: physical block of each logical block.</summary>
    public nint BlockTables;
    public long BlockTableStride;

    /// <summary>[sequences + 1] i32, rising from 0 to tokens: the query rows of each sequence.</summary>
    public nint QueryStart;

    /// <summary>[sequences] i32: cached tokens including this step's.</summary>
    public nint Context;

    /// <summary>[tokens, queryHeads * headDim] of <see cref="YType"/> with row stride <see cref="YStride"/>.</summary>
    public nint Y;
    public long YStride;

    /// <summary>At least <see cref="Device.PagedAttentionWorkspaceBytes"/>.</summary>
    public nint Workspace;
    public long WorkspaceBytes;
    public long Tokens;
    public int Sequences;
    public int QueryHeads;
    public int KvHeads;
    public int HeadDim;
    public int BlockTokens;

    /// <summary>Cached tokens that a row sees, itself included; 0 = all.</summary>
    public int Window;
    public float Scale;
    public CacheType CacheType;
    public ElementType YType;

    /// <summary>At least the largest context.</summary>
    public int MaxContext;
}
