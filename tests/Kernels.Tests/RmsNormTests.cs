using KServePaged.Engine.Kernels;
using KServePaged.Kernels.Tests.Harness;
using KServePaged.Kernels.Tests.Oracle;

namespace KServePaged.Kernels.Tests;

public sealed class RmsNormTests
{
    [Theory]
    [MemberData(nameof(KernelTarget.All), MemberType = typeof(KernelTarget))]
    public void RmsNorm_EachCase_MatchesTheOracle(KernelTarget target) => Rig.RunTable(target, NormCase.Table, (rig, c) =>
    {
        float[] normed = c.Normed;
        (float[] y, float[]? residual) = Run(rig, c);

        if (residual is not null)
        {
            Expect.SameBits(normed, residual, "residual");
        }
        double roundoff = c.YType == ElementType.Float32 ? 0 : Elements.UnitRoundoff(c.YType);
        for (int t = 0; t < c.Tokens; t++)
        {
            (double[] expected, double[] bound) =
                NormOracle.Rms(normed.AsSpan(t * c.Hidden, c.Hidden), c.Weight, NormCase.Epsilon, roundoff);
            Expect.Near(expected, y.AsSpan(t * c.Hidden, c.Hidden), bound, $"y of row {t}");
        }
    });

    [Theory]
    [MemberData(nameof(KernelTarget.All), MemberType = typeof(KernelTarget))]
    public void RmsNorm_OfARowAlone_HasTheSameBits(KernelTarget target)
    {
        using Rig rig = Rig.Open(target);
        var c = new NormCase(37, 1003, ElementType.Float32, HasX: true, HasResidual: true);
        (float[] together, _) = Run(rig, c);
        for (int t = 0; t < c.Tokens; t++)
        {
            DeviceArray<float> residual = rig.Upload(c.Residual.AsSpan(t * c.Hidden, c.Hidden));
            DeviceArray<float> x = rig.Upload(c.X.AsSpan(t * c.Hidden, c.Hidden), skew: t % 5);
            DeviceArray<float> y = rig.Allocate<float>(c.Hidden, skew: t % 3);
            rig.Stream.RmsNorm(
                x.Address, residual.Address, rig.Upload(c.Weight).Address, y.Address, ElementType.Float32, 1, c.Hidden, NormCase.Epsilon);
            Expect.SameBits(together.AsSpan(t * c.Hidden, c.Hidden), y.Read(), $"row {t}");
        }
        using Rig other = Rig.Open(target.WithThreads(3 - target.Threads));
        Expect.SameBits(together, Run(other, c).Y, "with another number of threads");
    }

    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void RmsNorm_WithANaNRow_LeavesTheOthersAlone(KernelTarget target)
    {
        using Rig rig = Rig.Open(target);
        float[] x = [1, 1, 1, float.NaN, 1, 1, 2, 2, 2];
        DeviceArray<float> y = rig.Allocate<float>(9);
        rig.Stream.RmsNorm(rig.Upload(x).Address, 0, rig.Upload([1f, 1, 1]).Address, y.Address, ElementType.Float32, 3, 3, 0);
        float[] read = y.Read();
        Assert.All(read[3..6], value => Assert.True(float.IsNaN(value)));
        double[] ones = [1, 1, 1];
        Expect.Near(ones, read.AsSpan(0, 3), [1e-6, 1e-6, 1e-6]);
        Expect.Near(ones, read.AsSpan(6), [1e-6, 1e-6, 1e-6]);
    }

    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void RmsNorm_WithBadArguments_Refuses(KernelTarget target)
    {
        using Rig rig = Rig.Open(target);
        nint a = rig.Upload(new float[16]).Address;
        nint y = rig.Allocate<float>(16).Address;
        void Call(nint x, nint residual, nint weight, nint to, ElementType type = ElementType.Float32, long tokens = 2, long hidden = 8, float epsilon = 1e-5f) =>
            rig.Stream.RmsNorm(x, residual, weight, to, type, tokens, hidden, epsilon);

        Call(a, 0, a, y);
        Expect.InvalidArgument(() => Call(0, 0, a, y), "neither x nor residual");
        Expect.InvalidArgument(() => Call(a, 0, 0, y), "no weight");
        Expect.InvalidArgument(() => Call(a, 0, a, 0), "no y");
        Expect.InvalidArgument(() => Call(a, 0, a, y, ElementType.Float16), "y type");
        Expect.InvalidArgument(() => Call(a, 0, a, y, tokens: -1), "tokens");
        Expect.InvalidArgument(() => Call(a, 0, a, y, hidden: 0), "hidden");
        Expect.InvalidArgument(() => Call(a, 0, a, y, epsilon: -1e-5f), "epsilon");
        Expect.InvalidArgument(() => Call(a, 0, a, y, epsilon: float.NaN), "epsilon NaN");
    }

    private static (float[] Y, float[]? Residual) Run(Rig rig, NormCase c)
    {
        DeviceArray<float>? x = c.HasX ? rig.Upload(c.X, c.Skew) : null;
        DeviceArray<float>? residual = c.HasResidual ? rig.Upload(c.Residual, c.Skew) : null;
        DeviceArray<byte>? y = c.InPlace ? null : rig.Allocate<byte>((long)c.Tokens * c.Hidden * c.YType.Bytes(), c.Skew * c.YType.Bytes());
        rig.Stream.RmsNorm(
            x?.Address ?? 0, residual?.Address ?? 0, rig.Upload(c.Weight, c.Skew).Address, y?.Address ?? x!.Address, c.YType, c.Tokens, c.Hidden, NormCase.Epsilon);
        return (y is null ? x!.Read() : Elements.Decode(y.Read(), c.YType), residual?.Read());
    }
}
