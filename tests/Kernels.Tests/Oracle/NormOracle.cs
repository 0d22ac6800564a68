namespace KServePaged.Kernels.Tests.Oracle;

/// <summary>One row of a norm in double precision, with the error that f32 sums may have.</summary>
internal static class NormOracle
{
    private const double U = 1.0 / (1 << 24);

    /// <summary>
    /// A sum of n terms kept in at least 16 partial sums: each term passes n/16 additions and then the tree over the partial sums.
    /// </summary>
    private static double SumError(int n) => ((n / 16.0) + 6) * U;

    /// <summary>y and its bound for the rounded f32 input <paramref name="v"/>; <paramref name="outputRoundoff"/> is y's own rounding.</summary>
    public static (double[] Y, double[] Bound) Rms(ReadOnlySpan<float> v, float[] weight, float epsilon, double outputRoundoff)
    {
        double sum = 0;
        foreach (float value in v)
        {
            sum += (double)value * value;
        }
        double scale = 1 / Math.Sqrt((sum / v.Length) + epsilon);
        double[] y = new double[v.Length];
        double[] bound = new double[v.Length];
        for (int i = 0; i < v.Length; i++)
        {
            y[i] = v[i] * scale * weight[i];
            // The square, the sum, the mean and epsilon count half behind the root; root, reciprocal and two products count once.
            bound[i] = (Math.Abs(y[i]) * ((0.5 * (SumError(v.Length) + (3 * U))) + (4 * U) + outputRoundoff)) + 1e-44;
        }
        return (y, bound);
    }

    public static (double[] Y, double[] Bound) Layer(
        ReadOnlySpan<float> v, float[] weight, float[]? bias, float epsilon, double outputRoundoff)
    {
        int n = v.Length;
        double mean = 0;
        double absolute = 0;
        foreach (float value in v)
        {
            mean += value;
            absolute += Math.Abs(value);
        }
        mean /= n;
        absolute /= n;
        double variance = 0;
        foreach (float value in v)
        {
            variance += (value - mean) * (value - mean);
        }
        variance /= n;
        double scale = 1 / Math.Sqrt(variance + epsilon);
        double meanError = absolute * (SumError(n) + U);
        double[] y = new double[n];
        double[] bound = new double[n];
        for (int i = 0; i < n; i++)
        {
            double difference = v[i] - mean;
            double product = difference * scale * weight[i];
            y[i] = product + (bias?[i] ?? 0);
            double differenceError = meanError + (U * Math.Abs(difference));
            // A wrong mean shifts every difference; the variance grows by its square only, and each difference is rounded.
            double varianceError = (variance * (SumError(n) + (5 * U))) + (meanError * meanError);
            double scaleError = (0.5 * varianceError / (variance + epsilon)) + (3 * U);
            bound[i] = (Math.Abs(scale * weight[i]) * differenceError) + (Math.Abs(product) * (scaleError + (2 * U)))
                + (Math.Abs(y[i]) * (U + outputRoundoff)) + 1e-44;
        }
        return (y, bound);
    }
}
