using KServePaged.Engine.Kernels;

namespace KServePaged.Kernels.Tests.Oracle;

/// <summary>The activations in double precision, relative accuracy kept where they vanish.</summary>
internal static class ActivationOracle
{
    public static double Apply(Activation activation, double x) => activation switch
    {
        Activation.Silu => x / (1 + Math.Exp(-x)),
        Activation.Gelu => x * 0.5 * Erfc(-x / Math.Sqrt(2)),
        Activation.GeluTanh => x / (1 + Math.Exp(-2 * Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x * x * x)))),
        Activation.Relu => double.IsNaN(x) ? x : Math.Max(x, 0),
        _ => throw new ArgumentOutOfRangeException(nameof(activation)),
    };

    /// <summary>1 - erf(z): the power series near zero, Lentz's continued fraction in the tail.</summary>
    public static double Erfc(double z)
    {
        if (z < 0)
        {
            return 2 - Erfc(-z);
        }
        return z < 2 ? 1 - ErfSeries(z) : ErfcFraction(z);
    }

    private static double ErfSeries(double z)
    {
        // Every term is positive (the series of exp(z²)·erf(z)), so nothing cancels.
        double term = z;
        double sum = z;
        for (int n = 1; term > sum * 1e-18; n++)
        {
            term *= 2 * z * z / ((2 * n) + 1);
            sum += term;
        }
        return 2 / Math.Sqrt(Math.PI) * Math.Exp(-z * z) * sum;
    }

    private static double ErfcFraction(double z)
    {
        if (double.IsInfinity(z))
        {
            return 0;
        }
        // erfc(z) = exp(-z²)/√π · 1/(z + (1/2)/(z + 1/(z + (3/2)/(z + …)))), from the inside out.
        double fraction = z;
        for (int n = 300; n >= 1; n--)
        {
            fraction = z + (n / 2.0 / fraction);
        }
        return Math.Exp(-z * z) / Math.Sqrt(Math.PI) / fraction;
    }
}
