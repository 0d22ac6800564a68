using System.Collections.Concurrent;
using KServePaged.Engine.Kernels;
using KServePaged.Kernels.Tests.Harness;
using KServePaged.Kernels.Tests.Oracle;

namespace KServePaged.Kernels.Tests;

public sealed class LinearQuantizedTests
{
    internal sealed record Case(int Rows, int Out, int In, LinearFormat Format, ElementType XType, ElementType SourceType, bool Bias = false);

    private static readonly ConcurrentDictionary<Case, (double[] Y, double[] Bound)> Expected = new();

    /// <summary>With a last group that is short, panels that are not full, more rows than a tile and a slab have, and a row of several spans.</summary>
    private static readonly (int Rows, int Out, int In)[] Shapes =
        [(0, 3, 5), (1, 1, 1), (3, 17, 31), (1, 64, 64), (4, 33, 257), (2, 40, 100), (13, 70, 515), (250, 9, 33), (8, 32, 1024), (2, 5, 17001)];

    private static IEnumerable<LinearFormat> AllFormats =>
        from type in new[] { ElementType.Float32, ElementType.BFloat16 }
        from dynamicInputs in new[] { 0, 1 }
        from stored in new (int Bits, int Group, ElementType Scale, int ZeroPoints, int FloatCodes)[]
        {
            (8, 0, ElementType.Float32, 0, 0),
            (8, 32, ElementType.BFloat16, 0, 0),
            (8, 128, ElementType.Float16, 0, 0),
            (4, 32, ElementType.BFloat16, 0, 0),
            (4, 64, ElementType.Float32, 0, 0),
            (4, 0, ElementType.Float32, 0, 0),
            (4, 32, ElementType.Float16, 1, 0),
            (4, 256, ElementType.Float32, 1, 0),
            (4, 0, ElementType.BFloat16, 1, 0),
            (8, 0, ElementType.Float32, 0, 1),
            (8, 64, ElementType.BFloat16, 0, 1),
            (8, 256, ElementType.Float16, 0, 1),
        }
        where dynamicInputs + stored.FloatCodes < 2
        select new LinearFormat
        {
            Type = type,
            Bits = stored.Bits,
            FloatCodes = stored.FloatCodes,
            Group = stored.Group,
            ScaleType = stored.Scale,
            ZeroPoints = stored.ZeroPoints,
            DynamicInputs = dynamicInputs,
        };

    private static IEnumerable<LinearFormat> Formats(KernelTarget target) => AllFormats.Where(format => target.HasFloatCodes || format.FloatCodes == 0);

    private static IEnumerable<Case> Cases(KernelTarget target) =>
        from shape in Shapes
        from format in Formats(target)
        let odd = (shape.Out + format.Group + format.Bits) % 2 == 1
        select new Case(
            shape.Rows, shape.Out, shape.In, format,
            format.Type == ElementType.BFloat16 && odd ? ElementType.BFloat16 : ElementType.Float32,
            odd ? ElementType.BFloat16 : shape.In % 2 == 0 ? ElementType.Float32 : ElementType.Float16,
            Bias: shape.Rows % 2 == 1);

    [Theory]
    [MemberData(nameof(KernelTarget.All), MemberType = typeof(KernelTarget))]
    public void Linear_EachFormat_MatchesTheOracle(KernelTarget target) => Rig.RunTable(target, Cases(target), (rig, c) =>
    {
        (double[] expected, double[] bound) = Expected.GetOrAdd(c, made => QuantizedLinearOracle.Product(
            made.Format, Elements.Round(Inputs(made), made.XType), Weights(made), BiasOf(made), made.Rows, made.Out, made.In));
        Expect.Near(expected, Forward(rig, c, Load(rig, c), Inputs(c), 0, c.Rows), bound);
    });

    /// <summary>One input of one at a time reads the weights back: every code and scale, to the bit.</summary>
    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void Linear_OfUnitVectors_GivesCodesTimesScales(KernelTarget target) => Rig.RunTable(target, Formats(target).Where(f => f.DynamicInputs == 0), (rig, format) =>
    {
        const int In = 70;
        var c = new Case(In, 35, In, format, ElementType.Float32, ElementType.Float32);
        float[] unit = new float[In * In];
        for (int i = 0; i < In; i++)
        {
            unit[(i * In) + i] = 1;
        }
        float[] actual = Forward(rig, c, Load(rig, c), unit, 0, In);
        float[] weights = Weights(c);
        int size = format.Group == 0 ? In : format.Group;
        float[] expected = new float[In * c.Out];
        for (int i = 0; i < In; i++)
        {
            for (int o = 0; o < c.Out; o++)
            {
                int start = (o * In) + (i / size * size);
                QuantizedLinearOracle.Group group = QuantizedLinearOracle.Quantize(format, weights[start..Math.Min(start + size, (o + 1) * In)]);
                expected[(i * c.Out) + o] = ((group.Codes[i % size] - group.ZeroPoint) * group.Scale) + 0f; // + 0: no negative zero
            }
        }
        Expect.SameBits(expected, actual);
    });

    /// <summary>Batch invariance: a row alone, among others, at another place, and with other threads.</summary>
    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void Linear_OfARowAlone_HasTheSameBits(KernelTarget target) => Rig.RunTable(target, Formats(target), (rig, format) =>
    {
        var c = new Case(70, 99, 517, format, ElementType.Float32, ElementType.BFloat16, Bias: true);
        PackedLinear linear = Load(rig, c);
        float[] x = Inputs(c);
        float[] together = Forward(rig, c, linear, x, 0, c.Rows);
        for (int rows = 1; rows <= c.Rows; rows++)
        {
            int first = (rows * 31) % (c.Rows - rows + 1);
            Expect.SameBits(together.AsSpan(first * c.Out, rows * c.Out), Forward(rig, c, linear, x, first, rows), $"{rows} rows from {first}");
        }
        foreach (int threads in new[] { 2, 3, 4 })
        {
            using Rig other = Rig.Open(target.WithThreads(threads));
            Expect.SameBits(together, Forward(other, c, Load(other, c), x, 0, c.Rows), $"{threads} threads");
        }
    });

    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void Linear_OfZeros_IsZero(KernelTarget target) => Rig.RunTable(target, Formats(target), (rig, format) =>
    {
        var c = new Case(3, 5, 70, format, ElementType.Float32, ElementType.Float32);
        PackedLinear zeros = rig.Own(rig.Device.CreateLinear(c.Out, c.In, format));
        zeros.Load(0, c.Out, new byte[c.Out * c.In * 4], ElementType.Float32);
        Assert.All(Forward(rig, c, zeros, Inputs(c), 0, c.Rows), value => Assert.Equal(0f, value));
        float[] tiny = [.. Enumerable.Repeat(1e-40f, c.Rows * c.In)];
        Assert.All(Forward(rig, c, Load(rig, c), tiny, 0, c.Rows), value => Assert.InRange(value, -1e-35f, 1e-35f));
    });

    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void Linear_WithNonFiniteInputs_KeepsThemInTheirRow(KernelTarget target) => Rig.RunTable(target, Formats(target), (rig, format) =>
    {
        var c = new Case(4, 20, 40, format, ElementType.Float32, ElementType.Float32);
        PackedLinear linear = Load(rig, c);
        float[] x = Inputs(c);
        float[] clean = Forward(rig, c, linear, x, 0, 4);
        x[(1 * c.In) + 39] = float.NaN;
        x[(2 * c.In) + 3] = float.PositiveInfinity;
        float[] dirty = Forward(rig, c, linear, x, 0, 4);
        Expect.SameBits(clean.AsSpan(0, 20), dirty.AsSpan(0, 20), "row 0");
        Assert.All(dirty[20..40], value => Assert.True(float.IsNaN(value)));
        Assert.All(dirty[40..60], value => Assert.False(float.IsFinite(value)));
        Expect.SameBits(clean.AsSpan(60), dirty.AsSpan(60), "row 3");
    });

    /// <summary>Query, key and value rows arrive in several calls; groups of a panel then come from different ones.</summary>
    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void Load_InParts_EqualsLoadAtOnce(KernelTarget target) => Rig.RunTable(target, Formats(target), (rig, format) =>
    {
        var c = new Case(3, 67, 50, format, ElementType.Float32, ElementType.Float16);
        float[] expected = Forward(rig, c, Load(rig, c), Inputs(c), 0, c.Rows);
        PackedLinear linear = rig.Own(rig.Device.CreateLinear(c.Out, c.In, format));
        byte[] source = Elements.Encode(Weights(c), c.SourceType);
        foreach ((int first, int count) in new[] { (20, 47), (0, 1), (1, 18), (19, 1), (5, 0) })
        {
            linear.Load(first, count, source.AsSpan(first * c.In * 2, count * c.In * 2), c.SourceType);
        }
        Expect.SameBits(expected, Forward(rig, c, linear, Inputs(c), 0, c.Rows));
        Assert.Equal(linear.Bytes, rig.Device.PackedLinearBytes(c.Out, c.In, format));
    });

    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void Load_OfWeightsThatAreNotFinite_Refuses(KernelTarget target)
    {
        IEnumerable<(LinearFormat Format, ElementType Source, float Bad)> cases =
            from format in Formats(target).Concat(Enum.GetValues<ElementType>().Select(LinearFormat.Plain))
            from source in Enum.GetValues<ElementType>()
            from bad in new[] { float.NaN, float.PositiveInfinity, float.NegativeInfinity }
            select (format, source, bad);
        Rig.RunTable(target, cases, (rig, c) =>
        {
            PackedLinear linear = rig.Own(rig.Device.CreateLinear(40, 101, c.Format));
            float[] weights = new Noise(1).Normals(40 * 101);
            foreach (int place in new[] { 0, 100, (17 * 101) + 64, (40 * 101) - 1 })
            {
                float[] broken = [.. weights];
                broken[place] = c.Bad;
                var refused = Assert.Throws<KernelException>(() => linear.Load(0, 40, Elements.Encode(broken, c.Source), c.Source));
                Assert.Equal(KernelStatus.InvalidData, refused.Status);
            }
            linear.Load(0, 40, Elements.Encode(weights, c.Source), c.Source);
        });
    }

    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void Load_OfNumbersBeyondTheType_Refuses(KernelTarget target)
    {
        using Rig rig = Rig.Open(target);
        using PackedLinear linear = rig.Device.CreateLinear(1, 1, LinearFormat.Plain(ElementType.Float16));
        linear.Load(0, 1, Elements.Encode([65504], ElementType.Float32), ElementType.Float32);
        Assert.Equal(
            KernelStatus.InvalidData,
            Assert.Throws<KernelException>(() => linear.Load(0, 1, Elements.Encode([65520], ElementType.Float32), ElementType.Float32)).Status);
    }

    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void Create_WithABadFormat_Refuses(KernelTarget target)
    {
        using Rig rig = Rig.Open(target);
        var good = new LinearFormat { Type = ElementType.Float32, Bits = 4, Group = 32 };
        rig.Device.CreateLinear(4, 4, good).Dispose();
        foreach (LinearFormat bad in new[]
        {
            good with { Bits = 3 }, good with { Bits = 0 }, good with { Group = 48 }, good with { Group = -32 }, good with { ScaleType = (ElementType)9 },
            good with { ZeroPoints = 2 }, good with { Bits = 8, ZeroPoints = 1 }, good with { DynamicInputs = -1 }, good with { Gated = 2 }, good with { FloatCodes = 1 },
            good with { Bits = 8, FloatCodes = 2 }, good with { Bits = 8, FloatCodes = 1, DynamicInputs = 1 }, good with { Bits = 8, FloatCodes = 1, ZeroPoints = 1 },
            LinearFormat.Plain(ElementType.BFloat16) with { FloatCodes = 1 }, good with { Type = (ElementType)(-1) },
        })
        {
            Expect.InvalidArgument(() => rig.Device.CreateLinear(4, 4, bad), bad.ToString());
            Expect.InvalidArgument(() => rig.Device.PackedLinearBytes(4, 4, bad), bad.ToString());
        }
    }

    /// <summary>Some rows all zeros, some groups too, and both signs the largest.</summary>
    private static float[] Weights(Case c)
    {
        float[] weights = Elements.Round(new Noise(11 + c.In).Normals((long)c.Out * c.In, 0.05), c.SourceType);
        weights.AsSpan(c.Out / 2 * c.In, c.Out > 2 ? c.In : 0).Clear();
        weights.AsSpan(0, c.In > 64 ? 40 : 0).Clear();
        return weights;
    }

    private static float[] Inputs(Case c) => new Noise(12 + c.In).Normals((long)c.Rows * c.In, 1, 0.1);

    private static float[]? BiasOf(Case c) => c.Bias ? new Noise(13 + c.In).Normals(c.Out) : null;

    private static PackedLinear Load(Rig rig, Case c)
    {
        PackedLinear linear = rig.Own(rig.Device.CreateLinear(c.Out, c.In, c.Format));
        linear.Load(0, c.Out, Elements.Encode(Weights(c), c.SourceType), c.SourceType);
        return linear;
    }

    private static float[] Forward(Rig rig, Case c, PackedLinear linear, float[] x, int first, int rows)
    {
        nint inputs = rig.Upload(Elements.Encode(x[(first * c.In)..((first + rows) * c.In)], c.XType)).Address;
        nint bias = BiasOf(c) is { } values ? rig.Upload(values).Address : 0;
        DeviceArray<float> y = rig.Allocate<float>((long)rows * c.Out);
        rig.Stream.Linear(linear, inputs, c.XType, c.In, rows, bias, y.Address, c.Out);
        return y.Read();
    }
}
