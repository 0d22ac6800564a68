using System.Collections.Concurrent;
using KServePaged.Engine.Kernels;
using KServePaged.Kernels.Tests.Harness;
using KServePaged.Kernels.Tests.Oracle;

namespace KServePaged.Kernels.Tests;

public sealed class LinearTests
{
    internal sealed record Case(
        int Rows, int Out, int In, ElementType Type, ElementType XType, ElementType SourceType, bool Bias = false, int XPadding = 0, int YPadding = 0, int Skew = 0, bool Integers = false);

    /// <summary>The oracle's products, made once for all targets.</summary>
    private static readonly ConcurrentDictionary<Case, (double[] Y, double[] Bound)> Expected = new();

    private static readonly (int Rows, int Out, int In)[] Shapes =
    [
        (0, 3, 5), (1, 1, 1), (1, 3, 2), (2, 1, 7), (3, 17, 31), (1, 64, 64), (4, 65, 33), (5, 16, 128), (7, 100, 257), (8, 33, 64), (9, 48, 100),
        (1, 515, 288), (16, 31, 1000), (17, 130, 72), (33, 70, 515), (6, 24, 2051), (1, 7, 4099), (65, 129, 65), (130, 40, 96), (500, 20, 33),
    ];

    /// <summary>Weight type, input type and what the checkpoint holds: each pairing that the contract allows, on each shape.</summary>
    private static IEnumerable<Case> Cases =>
        from shape in Shapes
        from types in new (ElementType Weight, ElementType X, ElementType Source)[]
        {
            (ElementType.Float32, ElementType.Float32, ElementType.Float32),
            (ElementType.Float16, ElementType.Float32, ElementType.Float16),
            (ElementType.BFloat16, ElementType.Float32, ElementType.BFloat16),
            (ElementType.BFloat16, ElementType.BFloat16, ElementType.Float32),
            (ElementType.Float32, ElementType.Float32, ElementType.BFloat16),
            (ElementType.Float16, ElementType.Float32, ElementType.Float32),
        }
        let odd = (shape.Out + shape.In) % 2
        select new Case(
            shape.Rows, shape.Out, shape.In, types.Weight, types.X, types.Source, Bias: shape.Rows % 2 == 1, XPadding: 3 * odd, YPadding: 5 * odd, Skew: odd);

    [Theory]
    [MemberData(nameof(KernelTarget.All), MemberType = typeof(KernelTarget))]
    public void Linear_EachCase_MatchesTheOracle(KernelTarget target) => Rig.RunTable(target, Cases, Check);

    /// <summary>Whole numbers: every sum is exact in f32, so the result is too, and a wrong or missing term cannot hide in a tolerance.</summary>
    [Theory]
    [MemberData(nameof(KernelTarget.All), MemberType = typeof(KernelTarget))]
    public void Linear_OfWholeNumbers_IsExact(KernelTarget target) => Rig.RunTable(target, Cases.Select(c => c with { Integers = true }), Check);

    /// <summary>Batch invariance: a row alone, among others, at another place, with other threads and in a larger product.</summary>
    [Theory]
    [MemberData(nameof(KernelTarget.All), MemberType = typeof(KernelTarget))]
    public void Linear_OfARowAlone_HasTheSameBits(KernelTarget target)
    {
        using Rig other = Rig.Open(target.WithThreads(3 - target.Threads));
        Rig.RunTable(target, Enum.GetValues<ElementType>(), (rig, type) =>
        {
            var c = new Case(71, 99, 517, type, ElementType.Float32, type, Bias: true);
            float[] together = new Run(rig, c).Forward(0, c.Rows);
            var run = new Run(rig, c);
            for (int first = 0; first < c.Rows;)
            {
                int rows = Math.Min(1 + (first % 9), c.Rows - first);
                Expect.SameBits(together.AsSpan(first * c.Out, rows * c.Out), run.Forward(first, rows), $"rows {first}…{first + rows - 1}");
                first += rows;
            }
            Expect.SameBits(together, new Run(other, c).Forward(0, c.Rows), "with another number of threads");
            other.FreeArrays();
        });
    }

    /// <summary>An output feature does not depend on how many others the matrix has: fused and separate products agree.</summary>
    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void Linear_WithFewerFeatures_HasTheSameBits(KernelTarget target) => Rig.RunTable(target, Enum.GetValues<ElementType>(), (rig, type) =>
    {
        var c = new Case(5, 150, 300, type, ElementType.Float32, type);
        float[] whole = new Run(rig, c).Forward(0, c.Rows);
        float[] part = new Run(rig, c, features: 61).Forward(0, c.Rows);
        for (int r = 0; r < c.Rows; r++)
        {
            Expect.SameBits(whole.AsSpan(r * c.Out, 61), part.AsSpan(r * 61, 61), $"row {r}");
        }
    });

    /// <summary>Query, key and value rows arrive in several calls, from sources with a stride, at odd addresses.</summary>
    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public unsafe void Load_InParts_EqualsLoadAtOnce(KernelTarget target)
    {
        using Rig rig = Rig.Open(target);
        var c = new Case(3, 37, 50, ElementType.Float32, ElementType.Float32, ElementType.BFloat16);
        float[] expected = new Run(rig, c).Forward(0, c.Rows);
        using PackedLinear linear = rig.Device.CreateLinear(c.Out, c.In, LinearFormat.Plain(c.Type));
        const int stride = 53;
        byte[] source = new byte[1 + (2 * stride * c.Out)];
        byte[] rows = Elements.Encode(Run.Weights(c), c.SourceType);
        for (int o = 0; o < c.Out; o++)
        {
            rows.AsSpan(2 * c.In * o, 2 * c.In).CopyTo(source.AsSpan(1 + (2 * stride * o)));
        }
        fixed (byte* address = source)
        {
            foreach ((int first, int count) in new[] { (20, 17), (0, 1), (1, 18), (19, 1), (5, 0) })
            {
                linear.Load(first, count, (nint)address + 1 + (2 * stride * first), c.SourceType, stride);
            }
        }
        Expect.SameBits(expected, new Run(rig, c, linear).Forward(0, c.Rows));
    }

    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void Linear_WithNonFiniteInputs_KeepsThemInTheirRow(KernelTarget target)
    {
        using Rig rig = Rig.Open(target);
        foreach (ElementType type in Enum.GetValues<ElementType>())
        {
            var c = new Case(4, 20, 40, type, ElementType.Float32, type);
            var run = new Run(rig, c);
            float[] clean = run.Forward(0, 4);
            float[] x = Run.Inputs(c);
            x[(1 * c.In) + 39] = float.NaN;
            x[(2 * c.In) + 3] = float.PositiveInfinity;
            float[] dirty = run.With(x).Forward(0, 4);
            Expect.SameBits(clean.AsSpan(0, 20), dirty.AsSpan(0, 20), "row 0");
            Assert.All(dirty[20..40], value => Assert.True(float.IsNaN(value)));
            Assert.All(dirty[40..60], value => Assert.False(float.IsFinite(value)));
            Expect.SameBits(clean.AsSpan(60), dirty.AsSpan(60), "row 3");
        }
    }

    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public unsafe void Linear_WithBadArguments_Refuses(KernelTarget target)
    {
        using Rig rig = Rig.Open(target);
        Expect.InvalidArgument(() => rig.Device.CreateLinear(0, 4, LinearFormat.Plain(ElementType.Float32)), "out");
        Expect.InvalidArgument(() => rig.Device.CreateLinear(4, 0, LinearFormat.Plain(ElementType.Float32)), "in");
        Expect.InvalidArgument(() => rig.Device.CreateLinear(-4, 4, LinearFormat.Plain(ElementType.Float32)), "out < 0");
        Expect.InvalidArgument(() => rig.Device.CreateLinear(4, 4, LinearFormat.Plain((ElementType)7)), "type");

        using PackedLinear linear = rig.Device.CreateLinear(4, 8, LinearFormat.Plain(ElementType.Float32));
        Assert.True(linear.Bytes >= 4 * 8 * 4);
        float[] weights = new float[32];
        fixed (float* source = weights)
        {
            nint from = (nint)source;
            Expect.InvalidArgument(() => linear.Load(-1, 1, from, ElementType.Float32, 8), "first row");
            Expect.InvalidArgument(() => linear.Load(3, 2, from, ElementType.Float32, 8), "rows beyond");
            Expect.InvalidArgument(() => linear.Load(0, -1, from, ElementType.Float32, 8), "rows");
            Expect.InvalidArgument(() => linear.Load(0, 4, 0, ElementType.Float32, 8), "source");
            Expect.InvalidArgument(() => linear.Load(0, 4, from, (ElementType)5, 8), "source type");
            Expect.InvalidArgument(() => linear.Load(0, 4, from, ElementType.Float32, 7), "stride");
            linear.Load(0, 4, from, ElementType.Float32, 8);
        }

        nint x = rig.Upload(new float[16]).Address;
        nint y = rig.Allocate<float>(8).Address;
        rig.Stream.Linear(linear, x, ElementType.Float32, 8, 2, 0, y, 4);
        Expect.InvalidArgument(() => rig.Stream.Linear(linear, 0, ElementType.Float32, 8, 2, 0, y, 4), "x");
        Expect.InvalidArgument(() => rig.Stream.Linear(linear, x, ElementType.Float32, 8, 2, 0, 0, 4), "y");
        Expect.InvalidArgument(() => rig.Stream.Linear(linear, x, ElementType.Float32, 7, 2, 0, y, 4), "x stride");
        Expect.InvalidArgument(() => rig.Stream.Linear(linear, x, ElementType.Float32, 8, 2, 0, y, 3), "y stride");
        Expect.InvalidArgument(() => rig.Stream.Linear(linear, x, ElementType.Float32, 8, -1, 0, y, 4), "rows");
        Expect.InvalidArgument(() => rig.Stream.Linear(linear, x, ElementType.BFloat16, 8, 2, 0, y, 4), "bf16 x for f32 weights");
        Expect.InvalidArgument(() => rig.Stream.Linear(linear, x, ElementType.Float16, 8, 2, 0, y, 4), "f16 x");
    }

    private static void Check(Rig rig, Case c)
    {
        float[] y = new Run(rig, c).Forward(0, c.Rows);
        (double[] expected, double[] bound) = Expected.GetOrAdd(c, Product);
        Expect.Near(expected, y, c.Integers ? new double[bound.Length] : bound);
    }

    private static (double[] Y, double[] Bound) Product(Case c)
    {
        // The compute type of the input: bf16 products round an f32 input first.
        ElementType compute = c.Type == ElementType.BFloat16 ? ElementType.BFloat16 : ElementType.Float32;
        float[] weights = Elements.Round(Elements.Round(Run.Weights(c), c.SourceType), c.Type);
        return LinearOracle.Product(Elements.Round(Run.Inputs(c), compute), weights, Run.BiasOf(c), c.Rows, c.Out, c.In);
    }

    /// <summary>A packed matrix and its inputs on a device.</summary>
    private sealed class Run
    {
        private readonly Rig _rig;
        private readonly Case _case;
        private readonly int _features;
        private readonly PackedLinear _linear;
        private readonly DeviceArray<float>? _bias;
        private DeviceArray<byte> _x;

        public Run(Rig rig, Case c, int? features = null)
            : this(rig, c, rig.Own(rig.Device.CreateLinear(features ?? c.Out, c.In, LinearFormat.Plain(c.Type))))
        {
            byte[] source = Elements.Encode(Weights(c)[..(_features * c.In)], c.SourceType);
            _linear.Load(0, _features, source, c.SourceType);
        }

        public Run(Rig rig, Case c, PackedLinear linear)
        {
            (_rig, _case, _linear, _features) = (rig, c, linear, (int)linear.OutFeatures);
            _bias = BiasOf(c) is { } bias ? rig.Upload(bias[..Math.Min(bias.Length, (int)linear.OutFeatures)], c.Skew) : null;
            _x = Place(Inputs(c));
        }

        public static float[] Weights(Case c) => Numbers(c, 11, (long)c.Out * c.In);

        public static float[] Inputs(Case c) => Numbers(c, 12, (long)c.Rows * c.In);

        public static float[]? BiasOf(Case c) => c.Bias ? Numbers(c, 13, c.Out) : null;

        public Run With(float[] x)
        {
            _x = Place(x);
            return this;
        }

        /// <summary>y of the rows [first, first + rows), the padding between them checked and left out.</summary>
        public float[] Forward(int first, int rows)
        {
            int stride = _features + _case.YPadding;
            DeviceArray<float> y = _rig.Allocate<float>((long)rows * stride, _case.Skew);
            _rig.Stream.Linear(
                _linear,
                _x.Address + ((nint)first * (_case.In + _case.XPadding) * _case.XType.Bytes()),
                _case.XType,
                _case.In + _case.XPadding,
                rows,
                _bias?.Address ?? 0,
                y.Address,
                stride);
            float[] padded = y.Read();
            float[] read = new float[rows * _features];
            for (int r = 0; r < rows; r++)
            {
                padded.AsSpan(r * stride, _features).CopyTo(read.AsSpan(r * _features));
                foreach (float between in padded.AsSpan((r * stride) + _features, _case.YPadding))
                {
                    Assert.Equal(DeviceArray<float>.Untouched, between);
                }
            }
            return read;
        }

        private static float[] Numbers(Case c, int seed, long count) =>
            c.Integers ? new Noise(seed + c.In).Integers(count, 8) : new Noise(seed + c.In).Normals(count, 1, 0.1);

        private DeviceArray<byte> Place(float[] x)
        {
            int stride = _case.In + _case.XPadding;
            float[] padded = [.. Enumerable.Repeat(float.NaN, _case.Rows * stride)];
            for (int r = 0; r < _case.Rows; r++)
            {
                x.AsSpan(r * _case.In, _case.In).CopyTo(padded.AsSpan(r * stride));
            }
            return _rig.Upload(Elements.Encode(padded, _case.XType), _case.Skew * _case.XType.Bytes());
        }
    }
}
