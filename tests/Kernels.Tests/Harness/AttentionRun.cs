using KServePaged.Engine.Kernels;

namespace KServePaged.Kernels.Tests.Harness;

/// <summary>
/// The arrays of an attention case on a device. Blocks are scattered; what no sequence owns holds NaN, as recycled memory might, and what
/// no sequence needs of the block tables holds -1.
/// </summary>
internal sealed class AttentionRun
{
    private readonly Rig _rig;
    private readonly AttentionCase _case;
    private readonly DeviceArray<byte> _keyCache;
    private readonly DeviceArray<byte> _valueCache;
    private readonly int[][] _blocks;
    private readonly CachePool _pool;

    public AttentionRun(Rig rig, AttentionCase c)
    {
        (_rig, _case) = (rig, c);
        _pool = new CachePool(c.Cache, c.KvHeads, c.BlockTokens, c.HeadDim);
        var noise = new Noise(c.HeadDim + c.MaxContext);
        Q = noise.Normals((long)c.Tokens * c.QueryHeads * c.HeadDim, 1.2);
        Keys = [.. c.Sequences.Select(s => Cached(noise.Normals((long)s.Context * c.KvHeads * c.HeadDim)))];
        Values = [.. c.Sequences.Select(s => Cached(noise.Normals((long)s.Context * c.KvHeads * c.HeadDim, 1, 0.3)))];
        int needed = c.Sequences.Sum(s => BlockCount(s.Context));
        int[] scattered = noise.Permutation(needed + 3);
        int next = 0;
        _blocks = [.. c.Sequences.Select(s => Enumerable.Range(0, BlockCount(s.Context)).Select(_ => scattered[next++]).ToArray())];
        _keyCache = rig.Upload(Scatter(Keys, needed + 3));
        _valueCache = rig.Upload(Scatter(Values, needed + 3));
    }

    /// <summary>[tokens, queryHeads, headDim].</summary>
    public float[] Q { get; }

    /// <summary>Of each sequence [context, kvHeads, headDim], as the cache holds them.</summary>
    public float[][] Keys { get; }

    public float[][] Values { get; }

    /// <summary>Attends for some rows of some sequences: sequence, first row, rows; those rows see the cache as if computed in that chunk.</summary>
    /// <returns>[rows, queryHeads * headDim] of all parts, in their order.</returns>
    public float[] Attend(IReadOnlyList<(int Sequence, int First, int Rows)> parts, int extraContext = 0)
    {
        int width = _case.QueryHeads * _case.HeadDim;
        int tokens = parts.Sum(part => part.Rows);
        DeviceArray<byte> y = _rig.Allocate<byte>((long)tokens * (width + _case.Padding) * _case.YType.Bytes(), _case.Skew * _case.YType.Bytes());
        _rig.Stream.PagedAttention(Arguments(parts, extraContext) with { Y = y.Address });
        float[] padded = Elements.Decode(y.Read(), _case.YType);
        float[] read = new float[tokens * width];
        float untouched = Elements.Decode([.. Enumerable.Repeat((byte)0xA7, _case.YType.Bytes())], _case.YType)[0];
        for (int t = 0; t < tokens; t++)
        {
            padded.AsSpan(t * (width + _case.Padding), width).CopyTo(read.AsSpan(t * width));
            Assert.All(padded[((t * (width + _case.Padding)) + width)..((t + 1) * (width + _case.Padding))], value => Assert.Equal(untouched, value));
        }
        return read;
    }

    /// <summary>All rows of all sequences.</summary>
    public float[] Attend() => Attend([.. _case.Sequences.Select((s, i) => (i, 0, s.Rows))]);

    /// <summary>Everything but Y.</summary>
    public PagedAttentionArguments Arguments(IReadOnlyList<(int Sequence, int First, int Rows)> parts, int extraContext = 0)
    {
        int width = _case.QueryHeads * _case.HeadDim;
        int stride = width + _case.Padding;
        int tokens = parts.Sum(part => part.Rows);
        float[] q = [.. Enumerable.Repeat(float.NaN, tokens * stride)];
        int[] starts = new int[parts.Count + 1];
        int[] tables = [.. Enumerable.Repeat(-1, parts.Count * _case.BlocksPerSequence)];
        int[] context = new int[parts.Count];
        for (int p = 0; p < parts.Count; p++)
        {
            (int sequence, int first, int rows) = parts[p];
            starts[p + 1] = starts[p] + rows;
            context[p] = _case.Sequences[sequence].Context - _case.Sequences[sequence].Rows + first + rows;
            _blocks[sequence].AsSpan(0, BlockCount(context[p])).CopyTo(tables.AsSpan(p * _case.BlocksPerSequence));
            int before = _case.Sequences.Take(sequence).Sum(s => s.Rows);
            for (int r = 0; r < rows; r++)
            {
                Q.AsSpan((before + first + r) * width, width).CopyTo(q.AsSpan((starts[p] + r) * stride));
            }
        }
        int maxContext = _case.MaxContext + extraContext;
        long workspaceBytes = _rig.Device.PagedAttentionWorkspaceBytes(tokens, _case.QueryHeads, _case.HeadDim, maxContext);
        return new PagedAttentionArguments
        {
            Q = _rig.Upload(q, _case.Skew).Address,
            QStride = stride,
            KeyCache = _keyCache.Address,
            ValueCache = _valueCache.Address,
            BlockStride = _pool.BlockStride,
            BlockTables = _rig.Upload(tables).Address,
            BlockTableStride = _case.BlocksPerSequence,
            QueryStart = _rig.Upload(starts).Address,
            Context = _rig.Upload(context).Address,
            YStride = stride,
            Workspace = _rig.Allocate<byte>(Math.Max(1, workspaceBytes)).Address,
            WorkspaceBytes = workspaceBytes,
            Tokens = tokens,
            Sequences = parts.Count,
            QueryHeads = _case.QueryHeads,
            KvHeads = _case.KvHeads,
            HeadDim = _case.HeadDim,
            BlockTokens = _case.BlockTokens,
            Window = _case.Window,
            Scale = _case.ScoreScale,
            CacheType = _case.Cache,
            YType = _case.YType,
            MaxContext = maxContext,
        };
    }

    private int BlockCount(int context) => (context + _case.BlockTokens - 1) / _case.BlockTokens;

    private float[] Cached(float[] rows) =>
        [.. rows.Chunk(_case.HeadDim).SelectMany(row => _pool.Round(row))];

    private byte[] Scatter(float[][] tokens, int blocks)
    {
        byte[] cache = [.. Enumerable.Repeat((byte)0xFF, checked((int)(blocks * _pool.BlockStride)))]; // NaN in every type, and as a scale
        for (int s = 0; s < tokens.Length; s++)
        {
            for (int position = 0; position < _case.Sequences[s].Context; position++)
            {
                long slot = ((long)_blocks[s][position / _case.BlockTokens] * _case.BlockTokens) + (position % _case.BlockTokens);
                for (int h = 0; h < _case.KvHeads; h++)
                {
                    _pool.Write(cache, slot, h, tokens[s].AsSpan(((position * _case.KvHeads) + h) * _case.HeadDim, _case.HeadDim));
                }
            }
        }
        return cache;
    }
}
