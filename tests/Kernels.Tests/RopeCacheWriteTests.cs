using KServePaged.Engine.Kernels;
using KServePaged.Kernels.Tests.Harness;

namespace KServePaged.Kernels.Tests;

public sealed class RopeCacheWriteTests
{
    internal sealed record Case(
        int Tokens, int QueryHeads, int KvHeads, int HeadDim, int Half, bool Interleaved = false, int BlockTokens = 16, int Padding = 0, int Skew = 0, double Scale = 1)
    {
        public int Blocks => (Tokens / BlockTokens) + 3;

        public int Row => (QueryHeads + (2 * KvHeads)) * HeadDim;

        public int Stride => Row + Padding;
    }

    private const double U = 1.0 / (1 << 24);

    private static IEnumerable<(Case Shape, CacheType Cache)> Cases =>
        from shape in new Case[]
        {
            new(0, 2, 1, 8, 4),
            new(1, 1, 1, 2, 1, BlockTokens: 1),
            new(1, 1, 1, 3, 1, BlockTokens: 3),
            new(3, 3, 1, 6, 3, Interleaved: true, BlockTokens: 2),
            new(5, 4, 2, 10, 3, Padding: 7, Skew: 1),
            new(5, 4, 2, 10, 4, Interleaved: true, Padding: 3, Skew: 3),
            new(9, 8, 8, 48, 24),
            new(33, 4, 2, 64, 32),
            new(17, 3, 1, 80, 16, Padding: 16),
            new(40, 9, 3, 96, 48, Interleaved: true, BlockTokens: 7),
            new(2, 32, 8, 128, 64, Skew: 1),
            new(3, 2, 2, 256, 128),
            new(4, 2, 1, 64, 0, BlockTokens: 256),
            new(7, 2, 1, 33, 16, Scale: 2e3),
        }
        from cache in Enum.GetValues<CacheType>()
        select (cache == CacheType.Int8 ? shape with { BlockTokens = 4 * shape.BlockTokens } : shape, cache);

    [Theory]
    [MemberData(nameof(KernelTarget.All), MemberType = typeof(KernelTarget))]
    public void RopeCacheWrite_EachCase_RotatesQueriesAndFillsTheCache(KernelTarget target) => Rig.RunTable(target, Cases, (rig, one) =>
    {
        (Case c, CacheType type) = one;
        var run = new Run(rig, c, type);
        run.Execute();
        run.CheckQkv();
        run.CheckCaches();
    });

    [Theory]
    [MemberData(nameof(KernelTarget.All), MemberType = typeof(KernelTarget))]
    public void RopeCacheWrite_OfATokenAlone_HasTheSameBits(KernelTarget target)
    {
        using Rig rig = Rig.Open(target);
        TokenAlone(rig, CacheType.BFloat16);
        TokenAlone(rig, CacheType.Int8);
    }

    private static void TokenAlone(Rig rig, CacheType type)
    {
        var c = new Case(21, 6, 2, 64, 32);
        var together = new Run(rig, c, type);
        together.Execute();
        var alone = new Run(rig, c, type);
        for (int t = 0; t < c.Tokens; t++)
        {
            alone.Execute(t, 1);
        }
        Expect.SameBits(together.Qkv.Read(), alone.Qkv.Read(), "qkv");
        Assert.Equal(together.KeyCache.Read(), alone.KeyCache.Read());
        Assert.Equal(together.ValueCache.Read(), alone.ValueCache.Read());
    }

    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void RopeCacheWrite_WithoutAngles_OnlyWrites(KernelTarget target)
    {
        using Rig rig = Rig.Open(target);
        var c = new Case(5, 2, 1, 12, 6);
        var run = new Run(rig, c, CacheType.Float16) { WithoutAngles = true };
        run.Execute();
        run.CheckQkv();
        run.CheckCaches();
    }

    /// <summary>Values that the cache's type cannot hold, or holds only denormal, and ties: rounded to nearest even, never cut off.</summary>
    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void RopeCacheWrite_WithSpecialValues_RoundsToNearestEven(KernelTarget target)
    {
        float[] special =
        [
            0f, -0f, 65504f, 65519.9f, 65520f, 1e30f, -1e30f, float.PositiveInfinity, float.NegativeInfinity, float.NaN, 1.00390625f, 1.01171875f,
            5.96e-8f, 2.98e-8f, 2.99e-8f, 6.1e-5f, 1e-40f, 3.4e38f, 2049f, 2051f, 1.0009765f, -1.00390625f, 3.3895314e38f, 3.3961775e38f,
        ];
        using Rig rig = Rig.Open(target);
        foreach (ElementType type in Enum.GetValues<ElementType>())
        {
            float[] qkv = [.. new float[special.Length], .. special, .. special];
            DeviceArray<byte> keys = rig.Allocate<byte>(special.Length * type.Bytes());
            DeviceArray<byte> values = rig.Allocate<byte>(special.Length * type.Bytes());
            rig.Stream.RopeCacheWrite(new RopeCacheWriteArguments
            {
                Qkv = rig.Upload(qkv).Address,
                QkvStride = qkv.Length,
                Slots = rig.Upload([0L]).Address,
                KeyCache = keys.Address,
                ValueCache = values.Address,
                Tokens = 1,
                QueryHeads = 1,
                KvHeads = 1,
                BlockStride = special.Length * type.Bytes(),
                HeadDim = special.Length,
                BlockTokens = 1,
                CacheType = (CacheType)(int)type,
            });
            Expect.SameBits(Elements.Round(special, type), Elements.Decode(keys.Read(), type), $"{type} key");
            Expect.SameBits(Elements.Round(special, type), Elements.Decode(values.Read(), type), $"{type} value");
        }
    }

    /// <summary>Rows that no scale fits: zeros, too small, and broken ones, which must show.</summary>
    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void RopeCacheWrite_AsInt8_ScalesEachTokenAndHead(KernelTarget target)
    {
        float[][] rows =
        [
            [0, -0f, 0, 0], [1e-31f, -1e-32f, 0, 0], [1e-29f, -5e-30f, 0, 0], [3e38f, -1.5e38f, 0, 1], [127, -127, 0.5f, 1.5f],
            [1, 2, float.NaN, 3], [1, float.PositiveInfinity, 2, 3], [float.NegativeInfinity, 0, 0, 0],
        ];
        sbyte[][] expected = [[0, 0, 0, 0], [0, 0, 0, 0], [127, -64, 0, 0], [127, -64, 0, 0], [127, -127, 0, 2], new sbyte[4], new sbyte[4], new sbyte[4]];
        float[] scales = [0, 0, 1e-29f / 127, 3e38f / 127, 1, float.NaN, float.NaN, float.NaN];
        using Rig rig = Rig.Open(target);
        for (int i = 0; i < rows.Length; i++)
        {
            DeviceArray<byte> keys = rig.Allocate<byte>(8);
            DeviceArray<byte> values = rig.Allocate<byte>(8);
            rig.Stream.RopeCacheWrite(new RopeCacheWriteArguments
            {
                Qkv = rig.Upload([.. new float[4], .. rows[i], .. rows[i]]).Address,
                QkvStride = 12,
                Slots = rig.Upload([0L]).Address,
                KeyCache = keys.Address,
                ValueCache = values.Address,
                BlockStride = 8,
                Tokens = 1,
                QueryHeads = 1,
                KvHeads = 1,
                HeadDim = 4,
                BlockTokens = 1,
                CacheType = CacheType.Int8,
            });
            byte[] key = keys.Read();
            Assert.Equal(key, values.Read());
            Assert.Equal(expected[i], key[..4].Select(bits => (sbyte)bits).ToArray());
            Assert.Equal(scales[i], BitConverter.ToSingle(key, 4));
        }
    }

    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void RopeCacheWrite_WithBadArguments_Refuses(KernelTarget target)
    {
        using Rig rig = Rig.Open(target);
        RopeCacheWriteArguments good = new Run(rig, new Case(3, 2, 1, 8, 4), CacheType.Float32).Arguments(0, 3);
        rig.Stream.RopeCacheWrite(good);

        Expect.InvalidArgument(() => rig.Stream.RopeCacheWrite(good with { Qkv = 0 }), "qkv");
        Expect.InvalidArgument(() => rig.Stream.RopeCacheWrite(good with { QkvStride = 31 }), "stride below a row");
        Expect.InvalidArgument(() => rig.Stream.RopeCacheWrite(good with { Slots = 0 }), "slots");
        Expect.InvalidArgument(() => rig.Stream.RopeCacheWrite(good with { KeyCache = 0 }), "key cache");
        Expect.InvalidArgument(() => rig.Stream.RopeCacheWrite(good with { ValueCache = 0 }), "value cache");
        Expect.InvalidArgument(() => rig.Stream.RopeCacheWrite(good with { Tokens = -1 }), "tokens");
        Expect.InvalidArgument(() => rig.Stream.RopeCacheWrite(good with { QueryHeads = 0 }), "query heads");
        Expect.InvalidArgument(() => rig.Stream.RopeCacheWrite(good with { KvHeads = 0 }), "kv heads");
        Expect.InvalidArgument(() => rig.Stream.RopeCacheWrite(good with { HeadDim = 0 }), "head dim");
        Expect.InvalidArgument(() => rig.Stream.RopeCacheWrite(good with { Half = 5 }), "half");
        Expect.InvalidArgument(() => rig.Stream.RopeCacheWrite(good with { Half = -1 }), "half");
        Expect.InvalidArgument(() => rig.Stream.RopeCacheWrite(good with { Interleaved = 2 }), "interleaved");
        Expect.InvalidArgument(() => rig.Stream.RopeCacheWrite(good with { BlockTokens = 0 }), "block tokens");
        Expect.InvalidArgument(() => rig.Stream.RopeCacheWrite(good with { CacheType = (CacheType)4 }), "cache type");
        Expect.InvalidArgument(() => rig.Stream.RopeCacheWrite(good with { BlockStride = 16 }), "block stride");
        Expect.InvalidArgument(() => rig.Stream.RopeCacheWrite(good with { HeadDim = 513, QkvStride = 5000 }), "head dim");
        Expect.InvalidArgument(() => rig.Stream.RopeCacheWrite(good with { Reserved = 1 }), "reserved");
    }

    /// <summary>The arrays of one case on the device, with the input kept to compare with.</summary>
    private sealed class Run
    {
        private readonly Rig _rig;
        private readonly Case _case;
        private readonly CacheType _type;
        private readonly CachePool _pool;
        private readonly float[] _qkv;
        private readonly float[] _cosSin;
        private readonly long[] _slots;
        private readonly DeviceArray<float> _cosSinOnDevice;
        private readonly DeviceArray<long> _slotsOnDevice;

        public Run(Rig rig, Case c, CacheType type)
        {
            (_rig, _case, _type) = (rig, c, type);
            _pool = new CachePool(type, c.KvHeads, c.BlockTokens, c.HeadDim);
            var noise = new Noise(c.Row + c.Tokens);
            _qkv = noise.Normals((long)c.Tokens * c.Stride, c.Scale);
            _cosSin = noise.Normals(2L * c.Tokens * c.Half, 0.7);
            int[] order = noise.Permutation(c.Blocks * c.BlockTokens);
            // Every third token of the larger cases is computed but not cached.
            _slots = [.. Enumerable.Range(0, c.Tokens).Select(t => c.Tokens > 4 && t % 3 == 1 ? -1L : order[t])];
            Qkv = rig.Upload(_qkv, c.Skew);
            _cosSinOnDevice = rig.Upload(_cosSin, c.Skew);
            _slotsOnDevice = rig.Upload(_slots);
            KeyCache = rig.Allocate<byte>(c.Blocks * _pool.BlockStride);
            ValueCache = rig.Allocate<byte>(c.Blocks * _pool.BlockStride);
        }

        public bool WithoutAngles { get; init; }

        public DeviceArray<float> Qkv { get; }

        public DeviceArray<byte> KeyCache { get; }

        public DeviceArray<byte> ValueCache { get; }

        public RopeCacheWriteArguments Arguments(int first, int tokens) => new()
        {
            Qkv = Qkv.Address + (4 * first * _case.Stride),
            QkvStride = _case.Stride,
            CosSin = WithoutAngles ? 0 : _cosSinOnDevice.Address + (8 * first * _case.Half),
            Slots = _slotsOnDevice.Address + (8 * first),
            KeyCache = KeyCache.Address,
            ValueCache = ValueCache.Address,
            BlockStride = _pool.BlockStride,
            Tokens = tokens,
            QueryHeads = _case.QueryHeads,
            KvHeads = _case.KvHeads,
            HeadDim = _case.HeadDim,
            Half = _case.Half,
            Interleaved = _case.Interleaved ? 1 : 0,
            BlockTokens = _case.BlockTokens,
            CacheType = _type,
        };

        public void Execute() => Execute(0, _case.Tokens);

        public void Execute(int first, int tokens) => _rig.Stream.RopeCacheWrite(Arguments(first, tokens));

        /// <summary>Queries rotated; keys, values and the padding between rows as they were.</summary>
        public void CheckQkv()
        {
            double[] expected = [.. _qkv.Select(value => (double)value)];
            double[] bound = new double[expected.Length];
            for (int t = 0; t < _case.Tokens; t++)
            {
                for (int h = 0; h < _case.QueryHeads; h++)
                {
                    int at = (t * _case.Stride) + (h * _case.HeadDim);
                    (double[] rotated, double[] error) = Rotated(t, at);
                    rotated.CopyTo(expected, at);
                    error.CopyTo(bound, at);
                }
            }
            Expect.Near(expected, Qkv.Read(), bound, "qkv");
        }

        /// <summary>What the slots name holds keys and values within the type's rounding; every other byte is as it was.</summary>
        public void CheckCaches()
        {
            byte[] keys = KeyCache.Read();
            byte[] values = ValueCache.Read();
            float[] untouched = new float[_case.HeadDim];
            byte[] emptyKeys = [.. Enumerable.Repeat((byte)0xA7, keys.Length)];
            byte[] emptyValues = [.. emptyKeys];
            for (int t = 0; t < _case.Tokens; t++)
            {
                for (int h = 0; _slots[t] >= 0 && h < _case.KvHeads; h++)
                {
                    int source = (t * _case.Stride) + ((_case.QueryHeads + h) * _case.HeadDim);
                    (double[] key, double[] error) = Rotated(t, source);
                    double[] value = [.. _qkv.Skip(source + (_case.KvHeads * _case.HeadDim)).Take(_case.HeadDim).Select(x => (double)x)];
                    Expect.Near(key, _pool.Read(keys, _slots[t], h), Rounding(key, error), "key");
                    Expect.Near(value, _pool.Read(values, _slots[t], h), Rounding(value, new double[value.Length]), "value");
                    _pool.Write(keys, _slots[t], h, untouched);
                    _pool.Write(values, _slots[t], h, untouched);
                    _pool.Write(emptyKeys, _slots[t], h, untouched);
                    _pool.Write(emptyValues, _slots[t], h, untouched);
                }
            }
            Assert.Equal(emptyKeys, keys);
            Assert.Equal(emptyValues, values);
        }

        /// <summary>The error of the exact values and that of storing them: int8 has half a scale's step, however small the value.</summary>
        private double[] Rounding(double[] exact, double[] error)
        {
            double step = exact.Max(Math.Abs) / 127;
            return
            [
                .. exact.Select((x, i) => error[i] + _type switch
                {
                    CacheType.Float32 => 0,
                    CacheType.Int8 => (step * (0.5 + 2e-5)) + error.Max(),
                    _ => (Math.Abs(x) * Elements.UnitRoundoff((ElementType)(int)_type) * 1.0001) + Elements.SmallestHalf((ElementType)(int)_type),
                }),
            ];
        }

        private (double[] Rotated, double[] Bound) Rotated(int token, int at)
        {
            double[] y = [.. _qkv.Skip(at).Take(_case.HeadDim).Select(value => (double)value)];
            double[] bound = new double[y.Length];
            for (int i = 0; i < _case.Half && !WithoutAngles; i++)
            {
                (int a, int b) = _case.Interleaved ? (2 * i, (2 * i) + 1) : (i, _case.Half + i);
                double cos = _cosSin[(2 * token * _case.Half) + i];
                double sin = _cosSin[(((2 * token) + 1) * _case.Half) + i];
                (double x, double z) = (y[a], y[b]);
                (y[a], y[b]) = ((x * cos) - (z * sin), (z * cos) + (x * sin));
                // Two products and a sum, each rounded (or fused).
                bound[a] = 2 * U * (Math.Abs(x * cos) + Math.Abs(z * sin));
                bound[b] = 2 * U * (Math.Abs(z * cos) + Math.Abs(x * sin));
            }
            return (y, bound);
        }
    }
}
