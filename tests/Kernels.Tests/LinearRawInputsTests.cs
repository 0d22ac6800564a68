using KServePaged.Engine.Kernels;
using KServePaged.Kernels.Tests.Harness;

namespace KServePaged.Kernels.Tests;

/// <summary>Inputs that a product must first make its own: every block for itself where rows are few and lie in whole blocks, shared among the blocks elsewhere.</summary>
public sealed class LinearRawInputsTests
{
    internal sealed record Case(LinearFormat Format, ElementType XType, int Out, int In, int XPadding);

    private const int Rows = 20;

    private static readonly (int Out, int In, int XPadding)[] Shapes = [(16, 64, 0), (50, 192, 8), (33, 1088, 0), (20, 192, 3), (8, 4160, 64)];

    private static LinearFormat[] Formats =>
    [
        LinearFormat.Plain(ElementType.Float16),
        new() { Type = ElementType.Float16, Bits = 8, Group = 128 },
        new() { Type = ElementType.Float16, Bits = 4, Group = 32, ScaleType = ElementType.Float16, ZeroPoints = 1 },
        new() { Type = ElementType.Float32, Bits = 8, DynamicInputs = 1 },
        new() { Type = ElementType.BFloat16, Bits = 8, Group = 64, DynamicInputs = 1 },
        new() { Type = ElementType.BFloat16, Bits = 4, Group = 32, ZeroPoints = 1, DynamicInputs = 1 },
    ];

    private static IEnumerable<Case> Cases =>
        from shape in Shapes
        from format in Formats
        from xType in format.Type == ElementType.BFloat16 ? [ElementType.Float32, ElementType.BFloat16] : new[] { ElementType.Float32 }
        select new Case(format, xType, shape.Out, shape.In, shape.XPadding);

    /// <summary>Rows of every size that a float has, of zeros, and of what is not a number: 1 to 8 of them against the same among more.</summary>
    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void Linear_OfUpToATileOfRows_HasTheBitsOfTheSameAmongMore(KernelTarget target) => Rig.RunTable(target, Cases, (rig, c) =>
    {
        PackedLinear linear = rig.Own(rig.Device.CreateLinear(c.Out, c.In, c.Format));
        linear.Load(0, c.Out, Elements.Encode(new Noise(31 + c.In).Normals((long)c.Out * c.In, 0.05), ElementType.Float32), ElementType.Float32);
        int stride = c.In + c.XPadding;
        nint x = rig.Upload(Elements.Encode(Inputs(c, stride), c.XType)).Address;
        float[] together = Forward(0, Rows);
        Assert.Contains(together, value => float.IsNaN(value));
        Assert.Contains(together, value => value != 0 && float.IsFinite(value));
        for (int rows = 1; rows <= 9; rows++)
        {
            for (int first = rows * 5 % 3; first + rows <= Rows; first += rows)
            {
                Expect.SameBits(together.AsSpan(first * c.Out, rows * c.Out), Forward(first, rows), $"{rows} rows from {first}");
            }
        }

        float[] Forward(int first, int rows)
        {
            DeviceArray<float> y = rig.Allocate<float>((long)rows * c.Out);
            rig.Stream.Linear(linear, x + ((nint)first * stride * c.XType.Bytes()), c.XType, stride, rows, bias: 0, y.Address, c.Out);
            return y.Read();
        }
    });

    /// <summary>The gaps between the rows hold NaN.</summary>
    private static float[] Inputs(Case c, int stride)
    {
        double[] magnitudes = [1, 0, 1e-42, 1e-31, 1e-20, 3e4, 1e15, 1e30, 1e37];
        float[] x = [.. Enumerable.Repeat(float.NaN, Rows * stride)];
        for (int row = 0; row < Rows; row++)
        {
            new Noise(32 + row).Normals(c.In, magnitudes[row % magnitudes.Length]).CopyTo(x.AsSpan(row * stride));
        }
        x[(2 * stride) + (c.In / 2)] = 1e38f; // beside it the others are next to nothing
        x[(9 * stride) + c.In - 1] = float.NaN;
        x[(12 * stride) + 3] = float.PositiveInfinity;
        x[(14 * stride) + (c.In / 2)] = float.NegativeInfinity;
        return x;
    }
}
