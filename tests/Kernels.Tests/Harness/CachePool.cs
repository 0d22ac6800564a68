using System.Runtime.InteropServices;
using KServePaged.Engine.Kernels;

namespace KServePaged.Kernels.Tests.Harness;

/// <summary>The layout of include/kp/kv_cache.h, the slow and obvious way: blocks of keys, or of values, with a gap between them.</summary>
internal sealed class CachePool(CacheType type, int kvHeads, int blockTokens, int headDim)
{
    private readonly int _headBytes = blockTokens * type.HeadBytes(headDim);

    /// <summary>With a gap between blocks, which leaves 16-byte rows where they are: the tensor cores' kernels take no others.</summary>
    public long BlockStride { get; } = (((long)kvHeads * blockTokens * type.HeadBytes(headDim) + 3) / 4 * 4) + (headDim % 8 == 0 ? 16 : 12);

    /// <summary>The nearest row that the cache can hold; for int8, with a scale that <see cref="Write"/> finds again.</summary>
    public float[] Round(ReadOnlySpan<float> row)
    {
        if (type != CacheType.Int8)
        {
            return Elements.Round(row.ToArray(), Element);
        }
        float scale = ScaleOf(row);
        return [.. row.ToArray().Select(value => scale == 0 ? 0 : scale * MathF.Round(value / scale))];
    }

    /// <summary>Puts a row that <see cref="Round"/> gave.</summary>
    public void Write(Span<byte> pool, long slot, int head, ReadOnlySpan<float> row)
    {
        Span<byte> part = Part(pool, slot, head);
        int token = (int)(slot % blockTokens);
        if (type != CacheType.Int8)
        {
            Elements.Encode(row.ToArray(), Element).CopyTo(part[(token * type.HeadBytes(headDim))..]);
            return;
        }
        float scale = ScaleOf(row);
        for (int i = 0; i < headDim; i++)
        {
            part[(token * headDim) + i] = (byte)(sbyte)(scale == 0 ? 0 : MathF.Round(row[i] / scale));
        }
        Scales(part)[token] = scale;
    }

    public float[] Read(Span<byte> pool, long slot, int head)
    {
        Span<byte> part = Part(pool, slot, head);
        int token = (int)(slot % blockTokens);
        if (type != CacheType.Int8)
        {
            return Elements.Decode(part.Slice(token * type.HeadBytes(headDim), type.HeadBytes(headDim)).ToArray(), Element);
        }
        float scale = Scales(part)[token];
        return [.. part.Slice(token * headDim, headDim).ToArray().Select(bits => scale * (sbyte)bits)];
    }

    private ElementType Element => (ElementType)(int)type;

    // A power of two makes exact products, and is the same for a row and for the row that is rounded with it.
    private static float ScaleOf(ReadOnlySpan<float> row)
    {
        float largest = 0;
        foreach (float value in row)
        {
            largest = MathF.Max(largest, MathF.Abs(value));
        }
        return largest == 0 ? 0 : MathF.ScaleB(1, (int)MathF.Ceiling(MathF.Log2(largest / 127)));
    }

    private Span<byte> Part(Span<byte> pool, long slot, int head) =>
        pool.Slice(checked((int)((slot / blockTokens * BlockStride) + (head * _headBytes))), _headBytes);

    private Span<float> Scales(Span<byte> part) => MemoryMarshal.Cast<byte, float>(part[(blockTokens * headDim)..]);
}
