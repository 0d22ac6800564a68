using System.Runtime.InteropServices;

namespace KServePaged.Engine.Kernels;

/// <summary>kp_rope_cache_write_args of include/kp/rope.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RopeCacheWriteArguments
{
    /// <summary>[tokens, (queryHeads + 2 * kvHeads) * headDim] f32: query, key, value heads. Only the query part is rotated in place.</summary>
    public nint Qkv;
    public long QkvStride;

    /// <summary>[tokens, 2 * half] f32 of <see cref="DeviceStream.RopeAngles"/>; 0 = no rotation.</summary>
    public nint CosSin;

    /// <summary>[tokens] i64: block * blockTokens + offset; negative: not written.</summary>
    public nint Slots;

    /// <summary>The layer's keys in the first block of include/kp/kv_cache.h; likewise the values.</summary>
    public nint KeyCache;
    public nint ValueCache;

    /// <summary>Bytes from one block to the next, a multiple of 4.</summary>
    public long BlockStride;
    public long Tokens;
    public int QueryHeads;
    public int KvHeads;
    public int HeadDim;

    /// <summary>Rotated pairs; 2 * half &lt;= headDim, the rest passes through.</summary>
    public int Half;

    /// <summary>0: pairs (i, half + i) as Llama in Hugging Face's layout; 1: pairs (2i, 2i + 1).</summary>
    public int Interleaved;
    public int BlockTokens;
    public CacheType CacheType;
    public int Reserved;
}
