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

    private static IEnumerable<(Case Shape, ElementType Cache)> Cases =>
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
        from cache in Enum.GetValues<ElementType>()
        select (shape, cache);

    [Theory]
    [MemberData(nameof(KernelTarget.All), MemberType = typeof(KernelTarget))]
    public void RopeCacheWrite_EachCase_RotatesQueriesAndFillsTheCache(KernelTarget target) => Rig.RunTable(target, Cases, (rig, one) =>
    {
        (Case c, ElementType type) = one;
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
        var c = new Case(21, 6, 2, 64, 32);
        var together = new Run(rig, c, ElementType.BFloat16);
        together.Execute();
        var alone = new Run(rig, c, ElementType.BFloat16);
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
        var run = new Run(rig, c, ElementType.Float16) { WithoutAngles = true };
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
                HeadDim = special.Length,
                BlockTokens = 1,
                CacheType = type,
            });
            Expect.SameBits(Elements.Round(special, type), Elements.Decode(keys.Read(), type), $"{type} key");
            Expect.SameBits(Elements.Round(special, type), Elements.Decode(values.Read(), type), $"{type} value");
        }
    }

    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void RopeCacheWrite_WithBadArguments_Refuses(KernelTarget target)
    {
        using Rig rig = Rig.Open(target);
        RopeCacheWriteArguments good = new Run(rig, new Case(3, 2, 1, 8, 4), ElementType.Float32).Arguments(0, 3);
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
        Expect.InvalidArgument(() => rig.Stream.RopeCacheWrite(good with { CacheType = (ElementType)3 }), "cache type");
        Expect.InvalidArgument(() => rig.Stream.RopeCacheWrite(good with { Reserved = 1 }), "reserved");
    }

    /// <summary>The arrays of one case on the device, with the input kept to compare with.</summary>
    private sealed class Run
    {
        private readonly Rig _rig;
        private readonly Case _case;
        private readonly ElementType _type;
        private readonly float[] _qkv;
        private readonly float[] _cosSin;
        private readonly long[] _slots;
        private readonly DeviceArray<float> _cosSinOnDevice;
        private readonly DeviceArray<long> _slotsOnDevice;

        public Run(Rig rig, Case c, ElementType type)
        {
            (_rig, _case, _type) = (rig, c, type);
            var noise = new Noise(c.Row + c.Tokens);
            _qkv = noise.Normals((long)c.Tokens * c.Stride, c.Scale);
            _cosSin = noise.Normals(2L * c.Tokens * c.Half, 0.7);
            int[] order = noise.Permutation(c.Blocks * c.BlockTokens);
            // Every third token of the larger cases is computed but not cached.
            _slots = [.. Enumerable.Range(0, c.Tokens).Select(t => c.Tokens > 4 && t % 3 == 1 ? -1L : order[t])];
            Qkv = rig.Upload(_qkv, c.Skew);
            _cosSinOnDevice = rig.Upload(_cosSin, c.Skew);
            _slotsOnDevice = rig.Upload(_slots);
            KeyCache = rig.Allocate<byte>((long)CacheElements * type.Bytes());
            ValueCache = rig.Allocate<byte>((long)CacheElements * type.Bytes());
        }

        public bool WithoutAngles { get; init; }

        public DeviceArray<float> Qkv { get; }

        public DeviceArray<byte> KeyCache { get; }

        public DeviceArray<byte> ValueCache { get; }

        private int CacheElements => _case.Blocks * _case.BlockTokens * _case.KvHeads * _case.HeadDim;

        public RopeCacheWriteArguments Arguments(int first, int tokens) => new()
        {
            Qkv = Qkv.Address + (4 * first * _case.Stride),
            QkvStride = _case.Stride,
            CosSin = WithoutAngles ? 0 : _cosSinOnDevice.Address + (8 * first * _case.Half),
            Slots = _slotsOnDevice.Address + (8 * first),
            KeyCache = KeyCache.Address,
            ValueCache = ValueCache.Address,
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

        public void CheckCaches()
        {
            float untouched = Elements.Decode([.. Enumerable.Repeat((byte)0xA7, _type.Bytes())], _type)[0];
            double[] keys = [.. Enumerable.Repeat((double)untouched, CacheElements)];
            double[] values = [.. keys];
            double[] keyBound = new double[CacheElements];
            for (int t = 0; t < _case.Tokens; t++)
            {
                if (_slots[t] < 0)
                {
                    continue;
                }
                (long block, long offset) = Math.DivRem(_slots[t], _case.BlockTokens);
                for (int h = 0; h < _case.KvHeads; h++)
                {
                    int source = (t * _case.Stride) + ((_case.QueryHeads + h) * _case.HeadDim);
                    long at = ((((block * _case.KvHeads) + h) * _case.BlockTokens) + offset) * _case.HeadDim;
                    (double[] rotated, double[] error) = Rotated(t, source);
                    for (int i = 0; i < _case.HeadDim; i++)
                    {
                        keys[at + i] = rotated[i];
                        keyBound[at + i] = error[i] + (_type == ElementType.Float32 ? 0
                            : (Math.Abs(rotated[i]) * Elements.UnitRoundoff(_type) * 1.0001) + Elements.SmallestHalf(_type));
                        values[at + i] = Elements.Round(_qkv[source + (_case.KvHeads * _case.HeadDim) + i], _type);
                    }
                }
            }
            Expect.Near(keys, Elements.Decode(KeyCache.Read(), _type), keyBound, "key cache");
            Expect.Near(values, Elements.Decode(ValueCache.Read(), _type), new double[CacheElements], "value cache");
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
