namespace KServePaged.Kernels.Tests.Harness;

internal static class Expect
{
    /// <summary>Each value within its own bound of the reference; equal where both are NaN or the same infinity.</summary>
    public static void Near(ReadOnlySpan<double> expected, ReadOnlySpan<float> actual, ReadOnlySpan<double> bound, string what = "y")
    {
        Assert.Equal(expected.Length, actual.Length);
        int worst = -1;
        double worstRatio = 1;
        for (int i = 0; i < expected.Length; i++)
        {
            if ((double.IsNaN(expected[i]) && float.IsNaN(actual[i])) || expected[i] == actual[i])
            {
                continue;
            }
            double ratio = Math.Abs(expected[i] - actual[i]) / bound[i];
            if (!(ratio <= worstRatio))
            {
                (worst, worstRatio) = (i, double.IsNaN(ratio) ? double.PositiveInfinity : ratio);
            }
        }
        if (worst >= 0)
        {
            Assert.Fail($"{what}[{worst}] = {actual[worst]:R}, expected {expected[worst]:R} ± {bound[worst]:G3} ({worstRatio:G3} times the bound)");
        }
    }

    /// <summary>The same bits; NaN equals NaN of any payload.</summary>
    public static void SameBits(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, string what = "y")
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            if (BitConverter.SingleToUInt32Bits(expected[i]) != BitConverter.SingleToUInt32Bits(actual[i])
                && !(float.IsNaN(expected[i]) && float.IsNaN(actual[i])))
            {
                Assert.Fail($"{what}[{i}] = {actual[i]:R}, expected the bits of {expected[i]:R}");
            }
        }
    }

    public static void InvalidArgument(Action call, string what)
    {
        var refused = Assert.Throws<Engine.Kernels.KernelException>(call);
        Assert.True(refused.Status == Engine.Kernels.KernelStatus.InvalidArgument, $"{what}: {refused.Message}");
        Assert.DoesNotContain("no message", refused.Message);
    }
}
