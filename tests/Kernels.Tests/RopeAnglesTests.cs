using KServePaged.Kernels.Tests.Harness;

namespace KServePaged.Kernels.Tests;

public sealed class RopeAnglesTests
{
    internal sealed record Case(int Half, double Base, double Scale, int[] Positions, int Skew = 0)
    {
        public override string ToString() => $"half {Half} base {Base} scale {Scale} positions {string.Join(',', Positions.Take(8))}…";
    }

    private static IEnumerable<Case> Cases =>
    [
        new(1, 10000, 1, [0]),
        new(3, 10000, 1, []),
        new(3, 10000, 1, [0, 1, 2, 3, 5], Skew: 1),
        new(32, 10000, 1, [.. Enumerable.Range(0, 70)]),
        new(64, 500000, 1, [0, 1, 4095, 4096, 131071, 1_000_003, 16_777_217, int.MaxValue]),
        new(48, 1e6, 0.7071067811865476, [9, 8, 7, 1 << 20]),
        new(17, 2, 1.5, [3, 3, 100_000_007], Skew: 3),
    ];

    [Theory]
    [MemberData(nameof(KernelTarget.All), MemberType = typeof(KernelTarget))]
    public void RopeAngles_EachCase_MatchesDoublePrecision(KernelTarget target) => Rig.RunTable(target, Cases, (rig, c) =>
    {
        double[] frequencies = Frequencies(c);
        float[] table = Run(rig, c, c.Positions);
        double[] expected = new double[table.Length];
        double[] bound = new double[table.Length];
        for (int t = 0; t < c.Positions.Length; t++)
        {
            for (int i = 0; i < c.Half; i++)
            {
                double angle = c.Positions[t] * frequencies[i];
                (expected[(t * 2 * c.Half) + i], expected[(((t * 2) + 1) * c.Half) + i]) = (c.Scale * Math.Cos(angle), c.Scale * Math.Sin(angle));
            }
        }
        for (int i = 0; i < expected.Length; i++)
        {
            // One rounding to f32, and a last bit of the double-precision functions.
            bound[i] = (Math.Abs(expected[i]) * (Math.ScaleB(1, -24) + 1e-15)) + 1e-18;
        }
        Expect.Near(expected, table, bound);
    });

    [Theory]
    [MemberData(nameof(KernelTarget.All), MemberType = typeof(KernelTarget))]
    public void RopeAngles_OfATokenAlone_HasTheSameBits(KernelTarget target)
    {
        using Rig rig = Rig.Open(target);
        var c = new Case(33, 10000, 1.25, [.. Enumerable.Range(0, 50).Select(i => i * 1237)]);
        float[] together = Run(rig, c, c.Positions);
        for (int t = 0; t < c.Positions.Length; t++)
        {
            Expect.SameBits(together.AsSpan(t * 2 * c.Half, 2 * c.Half), Run(rig, c, [c.Positions[t]]), $"token {t}");
        }
    }

    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void RopeAngles_WithBadArguments_Refuses(KernelTarget target)
    {
        using Rig rig = Rig.Open(target);
        nint f = rig.Upload([1.0, 0.5]).Address;
        nint y = rig.Allocate<float>(8).Address;
        nint p = rig.Upload([0, 5]).Address;
        Expect.InvalidArgument(() => rig.Stream.RopeAngles(0, 2, 1, p, 2, y), "frequencies");
        Expect.InvalidArgument(() => rig.Stream.RopeAngles(f, 2, 1, 0, 2, y), "positions");
        Expect.InvalidArgument(() => rig.Stream.RopeAngles(f, 2, 1, p, 2, 0), "y");
        Expect.InvalidArgument(() => rig.Stream.RopeAngles(f, -1, 1, p, 2, y), "half");
        Expect.InvalidArgument(() => rig.Stream.RopeAngles(f, 2, 1, p, -1, y), "tokens");
        if (target.ChecksContents)
        {
            Expect.InvalidArgument(() => rig.Stream.RopeAngles(f, 2, 1, rig.Upload([0, -1]).Address, 2, y), "position");
        }
    }

    private static double[] Frequencies(Case c) => [.. Enumerable.Range(0, c.Half).Select(i => Math.Pow(c.Base, -(double)i / c.Half))];

    private static float[] Run(Rig rig, Case c, int[] positions)
    {
        DeviceArray<float> table = rig.Allocate<float>(2L * c.Half * positions.Length, c.Skew);
        rig.Stream.RopeAngles(
            rig.Upload(Frequencies(c)).Address, c.Half, c.Scale, rig.Upload(positions, c.Skew).Address, positions.Length, table.Address);
        return table.Read();
    }
}
