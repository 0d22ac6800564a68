namespace KServePaged.Kernels.Tests.Oracle;

/// <summary>y = x · Wᵀ + bias in double precision.</summary>
internal static class LinearOracle
{
    private const double U = 1.0 / (1 << 24);

    /// <summary>y [rows, out] and the bound of each element for f32 accumulation in any order.</summary>
    public static (double[] Y, double[] Bound) Product(float[] x, float[] weight, float[]? bias, int rows, int outFeatures, int inFeatures)
    {
        double[] y = new double[rows * outFeatures];
        double[] bound = new double[y.Length];
        double steps = AccumulationSteps(inFeatures + 1);
        for (int r = 0; r < rows; r++)
        {
            for (int o = 0; o < outFeatures; o++)
            {
                double sum = bias?[o] ?? 0;
                double absolute = Math.Abs(sum);
                for (int i = 0; i < inFeatures; i++)
                {
                    double product = (double)x[(r * inFeatures) + i] * weight[(o * inFeatures) + i];
                    sum += product;
                    absolute += Math.Abs(product);
                }
                y[(r * outFeatures) + o] = sum;
                bound[(r * outFeatures) + o] = (U * steps * absolute) + 1e-44;
            }
        }
        return (y, bound);
    }

    /// <summary>
    /// Roundings that count in a sum of n products: all of them in the worst case; when n is large they behave as a random walk, of
    /// which six standard deviations are allowed.
    /// </summary>
    public static double AccumulationSteps(int n) => Math.Min(n + 1, 6 * Math.Sqrt(n));
}
