using KServePaged.Engine.Kernels;
using KServePaged.Kernels.Tests.Harness;
using KServePaged.Kernels.Tests.Oracle;

namespace KServePaged.Kernels.Tests;

public sealed class GatedActivationTests
{
    internal sealed record Case(Activation Activation, ElementType YType, int Tokens, int Width, double Scale = 3, int Skew = 0);

    /// <summary>What the contract promises of the activation itself: silu in fp32 rounds an exponential good to 2e-7, a sum and a quotient.</summary>
    private static double ActivationError(Activation activation) => activation == Activation.Silu ? 4e-7 : 2e-7;

    /// <summary>Silu is 0 where exp(-x) exceeds fp32; below the smallest normal number no relative accuracy exists.</summary>
    private static double VanishingError(Activation activation) => activation == Activation.Silu ? 3e-37 : 2e-45;

    private static IEnumerable<Case> Cases =>
        from activation in Enum.GetValues<Activation>()
        from type in new[] { ElementType.Float32, ElementType.BFloat16 }
        from shape in new (int Tokens, int Width, double Scale, int Skew)[]
        {
            (0, 5, 1, 0), (1, 1, 1, 0), (2, 3, 1, 1), (1, 16, 3, 0), (5, 33, 3, 3), (3, 1000, 30, 0), (7, 257, 0, 0), (2, 5632, 100, 1), (40, 65, 3, 0),
        }
        select new Case(activation, type, shape.Tokens, shape.Width, shape.Scale, shape.Skew);

    [Theory]
    [MemberData(nameof(KernelTarget.All), MemberType = typeof(KernelTarget))]
    public void GatedActivation_EachCase_MatchesTheOracle(KernelTarget target) => Rig.RunTable(target, Cases, (rig, c) =>
    {
        float[] x = new Noise(c.Width).Normals(2L * c.Tokens * c.Width, c.Scale);
        Check(c, x, Run(rig, c, x));
    });

    /// <summary>Gates over the whole range of f32: every exponent, both signs, zeros, infinities, NaN.</summary>
    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void GatedActivation_OverTheWholeRange_KeepsRelativeAccuracy(KernelTarget target) => Rig.RunTable(
        target,
        Enum.GetValues<Activation>(),
        (rig, activation) =>
        {
            float[] gates = [.. Sweep()];
            float[] x = [.. gates, .. Enumerable.Repeat(1f, gates.Length)];
            var c = new Case(activation, ElementType.Float32, 1, gates.Length);
            Check(c, x, Run(rig, c, x));
        });

    [Theory]
    [MemberData(nameof(KernelTarget.All), MemberType = typeof(KernelTarget))]
    public void GatedActivation_OfARowAlone_HasTheSameBits(KernelTarget target)
    {
        using Rig rig = Rig.Open(target);
        using Rig other = Rig.Open(target.WithThreads(3 - target.Threads));
        foreach (Activation activation in Enum.GetValues<Activation>())
        {
            var c = new Case(activation, ElementType.Float32, 23, 517);
            float[] x = new Noise(7).Normals(2L * c.Tokens * c.Width, 4);
            float[] together = Run(rig, c, x);
            for (int t = 0; t < c.Tokens; t++)
            {
                float[] alone = Run(rig, c with { Tokens = 1, Skew = t % 4 }, x[(2 * c.Width * t)..(2 * c.Width * (t + 1))]);
                Expect.SameBits(together.AsSpan(t * c.Width, c.Width), alone, $"{activation} row {t}");
            }
            Expect.SameBits(together, Run(other, c, x), "with another number of threads");
        }
    }

    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void GatedActivation_WithBadArguments_Refuses(KernelTarget target)
    {
        using Rig rig = Rig.Open(target);
        nint x = rig.Upload(new float[16]).Address;
        nint y = rig.Allocate<float>(8).Address;
        Expect.InvalidArgument(() => rig.Stream.GatedActivation((Activation)4, x, y, ElementType.Float32, 2, 4), "activation");
        Expect.InvalidArgument(() => rig.Stream.GatedActivation((Activation)(-1), x, y, ElementType.Float32, 2, 4), "activation");
        Expect.InvalidArgument(() => rig.Stream.GatedActivation(Activation.Silu, 0, y, ElementType.Float32, 2, 4), "x");
        Expect.InvalidArgument(() => rig.Stream.GatedActivation(Activation.Silu, x, 0, ElementType.Float32, 2, 4), "y");
        Expect.InvalidArgument(() => rig.Stream.GatedActivation(Activation.Silu, x, y, ElementType.Float16, 2, 4), "type");
        Expect.InvalidArgument(() => rig.Stream.GatedActivation(Activation.Silu, x, y, ElementType.Float32, -1, 4), "tokens");
        Expect.InvalidArgument(() => rig.Stream.GatedActivation(Activation.Silu, x, y, ElementType.Float32, 2, -1), "width");
    }

    private static IEnumerable<float> Sweep()
    {
        float[] special = [0f, -0f, float.PositiveInfinity, float.NegativeInfinity, float.NaN, float.Epsilon, -float.Epsilon, float.MaxValue, float.MinValue];
        foreach (float value in special)
        {
            yield return value;
        }
        for (float x = 1e-42f; x < 3e38f; x *= 1.0137f)
        {
            yield return x;
            yield return -x;
        }
        for (double x = -110; x < 20; x += 0.0173)
        {
            yield return (float)x;
        }
    }

    private static void Check(Case c, float[] x, float[] y)
    {
        double[] expected = new double[c.Tokens * c.Width];
        double[] bound = new double[expected.Length];
        double rounding = Elements.UnitRoundoff(ElementType.Float32) + (c.YType == ElementType.Float32 ? 0 : Elements.UnitRoundoff(c.YType));
        for (int t = 0; t < c.Tokens; t++)
        {
            for (int i = 0; i < c.Width; i++)
            {
                double gate = x[(2 * t * c.Width) + i];
                double up = x[(((2 * t) + 1) * c.Width) + i];
                // At minus infinity the formulas are infinity times zero; the functions themselves vanish there.
                double activated = double.IsNegativeInfinity(gate) ? 0 : ActivationOracle.Apply(c.Activation, gate);
                int at = (t * c.Width) + i;
                expected[at] = activated * up;
                bound[at] = (Math.Abs(expected[at]) * (ActivationError(c.Activation) + rounding))
                    + (Math.Abs(up) * VanishingError(c.Activation)) + (Elements.SmallestHalf(c.YType) * 2);
            }
        }
        Expect.Near(expected, y, bound, c.ToString());
    }

    private static float[] Run(Rig rig, Case c, float[] x)
    {
        DeviceArray<byte> y = rig.Allocate<byte>((long)c.Tokens * c.Width * c.YType.Bytes(), c.Skew * c.YType.Bytes());
        rig.Stream.GatedActivation(c.Activation, rig.Upload(x, c.Skew).Address, y.Address, c.YType, c.Tokens, c.Width);
        return Elements.Decode(y.Read(), c.YType);
    }
}
