using KServePaged.Engine.Kernels;
using KServePaged.Kernels.Tests.Harness;
using KServePaged.Kernels.Tests.Oracle;

namespace KServePaged.Kernels.Tests;

/// <summary>Products of many rows where a device need not be batch invariant. On a GPU that is no Hopper they are the usual ones.</summary>
public sealed class LinearWideTests
{
    internal sealed record Case(int Rows, int Out, int In, LinearFormat Format, bool Bias = false, int XPadding = 0);

    /// <summary>Tiles that are not full on either side, slices that are short and empty, more rows than a slab has.</summary>
    private static readonly (int Rows, int Out, int In)[] Shapes = [(65, 300, 70), (130, 129, 65), (201, 300, 517), (128, 256, 1088), (1030, 20, 33)];

    /// <summary>A GPU takes the wide kernel where each of its multiprocessors has a tile.</summary>
    private static readonly (int Rows, int Out, int In)[] DeviceShapes = [(1030, 4100, 517), (300, 8200, 1088)];

    private static LinearFormat[] Formats =>
    [
        LinearFormat.Plain(ElementType.BFloat16),
        LinearFormat.Plain(ElementType.Float16),
        new() { Type = ElementType.BFloat16, Bits = 8 },
        new() { Type = ElementType.BFloat16, Bits = 8, Group = 32, ScaleType = ElementType.BFloat16 },
        new() { Type = ElementType.BFloat16, Bits = 4, Group = 64, ZeroPoints = 1 },
        new() { Type = ElementType.BFloat16, Bits = 4, Group = 256, ScaleType = ElementType.Float16 },
        new() { Type = ElementType.Float16, Bits = 8, Group = 128 },
        new() { Type = ElementType.Float16, Bits = 4, Group = 32, ZeroPoints = 1 },
        new() { Type = ElementType.BFloat16, Bits = 8, DynamicInputs = 1 },
        new() { Type = ElementType.BFloat16, Bits = 8, FloatCodes = 1 },
        new() { Type = ElementType.BFloat16, Bits = 8, FloatCodes = 1, Group = 64, ScaleType = ElementType.BFloat16 },
        new() { Type = ElementType.Float16, Bits = 8, FloatCodes = 1 },
        new() { Type = ElementType.Float16, Bits = 4, Group = 32, ZeroPoints = 1, DynamicInputs = 1 },
    ];

    private static IEnumerable<Case> Cases(KernelTarget target) =>
        from shape in target.IsEmulated ? Shapes : [.. Shapes, .. DeviceShapes]
        from format in Formats
        select new Case(shape.Rows, shape.Out, shape.In, format, Bias: shape.Rows % 2 == 1, XPadding: shape.In % 8 == 0 ? 8 : 3);

    [Theory]
    [MemberData(nameof(KernelTarget.Variant), MemberType = typeof(KernelTarget))]
    public void Linear_OfManyRows_MatchesTheOracle(KernelTarget target) =>
        Rig.RunTable(target, Cases(target).Where(c => (long)c.Rows * c.Out * c.In < 100_000_000), (rig, c) =>
        {
            float[] inputs = Elements.Round(Inputs(c), XType(c));
            (double[] expected, double[] bound) = c.Format.Bits == 0
                ? LinearOracle.Product(inputs, Elements.Round(Weights(c), c.Format.Type), BiasOf(c), c.Rows, c.Out, c.In)
                : QuantizedLinearOracle.Product(c.Format, inputs, Weights(c), BiasOf(c), c.Rows, c.Out, c.In);
            Expect.Near(expected, Forward(rig, c, 0, c.Rows), bound);
        });

    /// <summary>
    /// What would let the wide kernel serve a batch invariant device too. The emulation rounds alike by construction; only a GPU can tell how its
    /// tensor cores do.
    /// </summary>
    [Theory]
    [MemberData(nameof(KernelTarget.Variant), MemberType = typeof(KernelTarget))]
    public void Linear_OfManyRows_HasTheBitsOfTheInvariantKernels(KernelTarget target)
    {
        using Rig invariant = Rig.Open(target.WithBatchInvariance());
        Rig.RunTable(target, Cases(target), (rig, c) =>
        {
            float[] wide = Forward(rig, c, 0, c.Rows);
            Expect.SameBits(wide, Forward(invariant, c, 0, c.Rows), "many rows");
            Expect.SameBits(wide.AsSpan(0, 60 * c.Out), Forward(invariant, c, 0, 60), "few rows");
            invariant.FreeArrays();
        });
    }

    private static ElementType XType(Case c) => c.Format.Type == ElementType.BFloat16 ? ElementType.BFloat16 : ElementType.Float32;

    private static float[] Weights(Case c) => new Noise(11 + c.In).Normals((long)c.Out * c.In, 0.05);

    private static float[] Inputs(Case c) => new Noise(12 + c.In).Normals((long)c.Rows * c.In, 1, 0.1);

    private static float[]? BiasOf(Case c) => c.Bias ? new Noise(13 + c.In).Normals(c.Out) : null;

    /// <summary>Rows [first, first + rows), from inputs with gaps that hold NaN.</summary>
    private static float[] Forward(Rig rig, Case c, int first, int rows)
    {
        PackedLinear linear = rig.Own(rig.Device.CreateLinear(c.Out, c.In, c.Format));
        linear.Load(0, c.Out, Elements.Encode(Weights(c), ElementType.Float32), ElementType.Float32);
        int stride = c.In + c.XPadding;
        float[] x = [.. Enumerable.Repeat(float.NaN, rows * stride)];
        float[] inputs = Inputs(c);
        for (int r = 0; r < rows; r++)
        {
            inputs.AsSpan((first + r) * c.In, c.In).CopyTo(x.AsSpan(r * stride));
        }
        nint address = rig.Upload(Elements.Encode(x, XType(c))).Address;
        nint bias = BiasOf(c) is { } values ? rig.Upload(values).Address : 0;
        DeviceArray<float> y = rig.Allocate<float>((long)rows * c.Out);
        rig.Stream.Linear(linear, address, XType(c), stride, rows, bias, y.Address, c.Out);
        return y.Read();
    }
}
