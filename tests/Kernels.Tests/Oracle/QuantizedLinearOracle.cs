using KServePaged.Engine.Kernels;
using KServePaged.Kernels.Tests.Harness;

namespace KServePaged.Kernels.Tests.Oracle;

/// <summary>Quantized products as include/kp/linear.h defines them: scales and codes in f32, as there, and sums in double precision.</summary>
internal static class QuantizedLinearOracle
{
    private const double U = 1.0 / (1 << 24);

    /// <summary>The codes of one group, what they are multiplied by, and the code that stands for 0.</summary>
    internal readonly record struct Group(float[] Codes, float Scale, int ZeroPoint);

    public static (double[] Y, double[] Bound) Product(
        LinearFormat format, float[] x, float[] weight, float[]? bias, int rows, int outFeatures, int inFeatures)
    {
        int size = format.Group == 0 ? inFeatures : format.Group;
        int groups = (inFeatures + size - 1) / size;
        Group[,] codes = new Group[outFeatures, groups];
        for (int o = 0; o < outFeatures; o++)
        {
            for (int g = 0; g < groups; g++)
            {
                int start = (o * inFeatures) + (g * size);
                codes[o, g] = Quantize(format, weight[start..Math.Min(start + size, (o + 1) * inFeatures)]);
            }
        }
        double[] y = new double[rows * outFeatures];
        double[] bound = new double[y.Length];
        double steps = LinearOracle.AccumulationSteps(inFeatures + 1) + (2 * groups) + 6;
        for (int r = 0; r < rows; r++)
        {
            (float[] inputs, float scale) = Inputs(format, x[(r * inFeatures)..((r + 1) * inFeatures)]);
            for (int o = 0; o < outFeatures; o++)
            {
                double sum = 0;
                double absolute = 0;
                for (int i = 0; i < inFeatures; i++)
                {
                    Group group = codes[o, i / size];
                    float code = group.Codes[i % size];
                    sum += (double)group.Scale * inputs[i] * (code - group.ZeroPoint);
                    absolute += Math.Abs((double)group.Scale * inputs[i]) * (Math.Abs(code) + group.ZeroPoint);
                }
                double added = bias?[o] ?? 0;
                y[(r * outFeatures) + o] = (sum * scale) + added;
                bound[(r * outFeatures) + o] = (U * steps * ((absolute * scale) + Math.Abs(added))) + 1e-44;
            }
        }
        return (y, bound);
    }

    public static Group Quantize(LinearFormat format, float[] weights)
    {
        float low = Math.Min(0, weights.Min());
        float high = Math.Max(0, weights.Max());
        float exact = (format.Bits, format.ZeroPoints) switch
        {
            (8, _) => Math.Max(high, -low) / (format.FloatCodes != 0 ? E4m3Oracle.Largest : 127f),
            (_, 0) => weights.First(w => Math.Abs(w) == Math.Max(high, -low)) / -8f,
            _ => (high - low) / 15f,
        };
        float scale = Elements.Round(exact, format.ScaleType);
        if (format.FloatCodes != 0)
        {
            return new Group([.. weights.Select(w => scale == 0 ? 0 : E4m3Oracle.Round(w / scale))], scale, 0);
        }
        int zero = format.ZeroPoints == 0 || scale == 0 ? 0 : (int)Math.Clamp(MathF.Round(-low / scale, MidpointRounding.ToEven), 0, 15);
        (int least, int most) = format.ZeroPoints != 0 ? (0, 15) : format.Bits == 8 ? (-127, 127) : (-8, 7);
        return new Group(
            [.. weights.Select(w => scale == 0 ? zero : Math.Clamp(MathF.Round(w / scale, MidpointRounding.ToEven) + zero, least, most))],
            scale,
            zero);
    }

    /// <summary>What takes the place of a row of x, and the scale behind it.</summary>
    private static (float[] Inputs, float Scale) Inputs(LinearFormat format, float[] x)
    {
        if (format.DynamicInputs == 0)
        {
            return (format.Type == ElementType.BFloat16 ? Elements.Round(x, ElementType.BFloat16) : x, 1);
        }
        float most = x.Select(Math.Abs).Max();
        float inverse = most < MathF.ScaleB(1, -100) ? 0 : 127f / most;
        return ([.. x.Select(value => Math.Clamp(MathF.Round(value * inverse, MidpointRounding.ToEven), -127, 127))], most / 127f);
    }
}
