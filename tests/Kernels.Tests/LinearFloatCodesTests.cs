using KServePaged.Engine.Kernels;
using KServePaged.Kernels.Tests.Harness;
using KServePaged.Kernels.Tests.Oracle;

namespace KServePaged.Kernels.Tests;

/// <summary>Which e4m3 code a weight gets, and what the products take it for: each code, each border between two.</summary>
public sealed class LinearFloatCodesTests
{
    private static LinearFormat Format(ElementType type, ElementType scale = ElementType.Float32) =>
        new() { Type = type, Bits = 8, FloatCodes = 1, ScaleType = scale };

    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void Load_OfEveryCode_IsExact(KernelTarget target)
    {
        Skip(target);
        float[] codes = [.. E4m3Oracle.Magnitudes, .. E4m3Oracle.Magnitudes.Select(code => -code)];
        Rig.RunTable(
            target,
            from type in Enum.GetValues<ElementType>() from exponent in new[] { -40, -9, 0, 20 } from rows in new[] { 1, 9, 70 } select (type, exponent, rows),
            (rig, c) =>
            {
                float unit = MathF.ScaleB(1, c.exponent);
                float[] actual = ReadBack(rig, Format(c.type), [.. codes.Select(code => code * unit)], E4m3Oracle.Largest * unit, c.rows);
                for (int row = 0; row < c.rows; row++)
                {
                    Expect.SameBits([.. codes.Select(code => (code * unit) + 0f)], actual.AsSpan(row * codes.Length, codes.Length), $"row {row}");
                }
            });
    }

    /// <summary>Half way between two neighbours and a hair to either side, where 448 makes the scale 1; subnormals are among them.</summary>
    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void Load_BetweenTwoCodes_TakesTheNearest(KernelTarget target)
    {
        Skip(target);
        IReadOnlyList<float> codes = E4m3Oracle.Magnitudes;
        float[] halfWays = [.. codes.Skip(1).Zip(codes, (high, low) => (high + low) / 2)];
        float[] positive = [.. halfWays, .. halfWays.Select(MathF.BitIncrement), .. halfWays.Select(MathF.BitDecrement), float.Epsilon, 1e-30f];
        float[] weights = [.. positive, .. positive.Select(weight => -weight)];
        using Rig rig = Rig.Open(target);

        float[] actual = ReadBack(rig, Format(ElementType.Float32), weights, E4m3Oracle.Largest, rows: 1);

        Expect.SameBits([.. weights.Select(weight => E4m3Oracle.Round(weight) + 0f)], actual);
    }

    [Theory]
    [InlineData(0.5f, 0f)]
    [InlineData(1.5f, 2f)]
    [InlineData(2.5f, 2f)]
    [InlineData(7.5f, 8f)]
    [InlineData(136f, 128f)]
    [InlineData(152f, 160f)]
    [InlineData(153f, 160f)]
    [InlineData(1e9f, 229376f)]
    public void Round_OfTies_GoesToEven(float units, float expected) =>
        Assert.Equal(MathF.ScaleB(expected, -9), E4m3Oracle.Round(MathF.ScaleB(units, -9)));

    /// <summary>A scale that was rounded down leaves weights beyond the largest code: they take it, and none becomes NaN.</summary>
    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void Load_BeyondTheLargestCode_TakesThat(KernelTarget target)
    {
        Skip(target);
        using Rig rig = Rig.Open(target);
        float unit = MathF.ScaleB(1, -24); // the least that fp16 has
        float largest = E4m3Oracle.Largest * 1.4f * unit;

        float[] actual = ReadBack(rig, Format(ElementType.Float32, ElementType.Float16), [largest, -largest, 463 * unit], largest, rows: 1);

        Expect.SameBits([448 * unit, -448 * unit, 448 * unit], actual);
    }

    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void Create_OnACpu_SaysThatItHasNoSuchProducts(KernelTarget target)
    {
        Assert.SkipWhen(target.HasFloatCodes, $"{target} has products of e4m3 codes");
        using Rig rig = Rig.Open(target);
        var refused = Assert.Throws<KernelException>(() => rig.Device.CreateLinear(4, 4, Format(ElementType.BFloat16)));
        Assert.Equal(KernelStatus.Unsupported, refused.Status);
        Assert.Contains("the CPU library has no products of e4m3 codes; int8 codes are as small", refused.Message, StringComparison.Ordinal);
        Assert.False(rig.Device.Supports(Format(ElementType.BFloat16)));
        Assert.True(rig.Device.Supports(Format(ElementType.BFloat16) with { FloatCodes = 0 }));
    }

    private static void Skip(KernelTarget target) => Assert.SkipUnless(target.HasFloatCodes, $"{target} has no products of e4m3 codes, and refuses them");

    /// <summary>Each weight is a row of its own beside the largest one, which an input of 0 leaves out: [rows, weights], all rows alike.</summary>
    private static float[] ReadBack(Rig rig, LinearFormat format, float[] weights, float largest, int rows)
    {
        PackedLinear linear = rig.Own(rig.Device.CreateLinear(weights.Length, 2, format));
        linear.Load(0, weights.Length, Elements.Encode([.. weights.SelectMany(weight => new[] { largest, weight })], ElementType.Float32), ElementType.Float32);
        float[] inputs = [.. Enumerable.Range(0, 2 * rows).Select(i => i % 2f)];
        nint x = rig.Upload(inputs).Address;
        DeviceArray<float> y = rig.Allocate<float>((long)rows * weights.Length);
        rig.Stream.Linear(linear, x, ElementType.Float32, 2, rows, 0, y.Address, weights.Length);
        return y.Read();
    }
}
