using KServePaged.Engine.Kernels;
using KServePaged.Kernels.Tests.Harness;

namespace KServePaged.Kernels.Tests.Oracle;

/// <summary>Softmax attention of one row and head in double precision; where cache and result are bf16, of the query rounded to bf16.</summary>
internal static class AttentionOracle
{
    private const double U = 1.0 / (1 << 24);

    /// <summary>y [headDim] and the bound of each element.</summary>
    /// <param name="c">The case.</param>
    /// <param name="q">[headDim].</param>
    /// <param name="keys">[context, kvHeads, headDim] of the sequence.</param>
    /// <param name="values">Likewise.</param>
    /// <param name="kvHead">Which head of them.</param>
    /// <param name="position">Of the row.</param>
    /// <param name="outputRoundoff">y's own rounding.</param>
    public static (double[] Y, double[] Bound) Row(
        AttentionCase c, ReadOnlySpan<float> q, float[] keys, float[] values, int kvHead, int position, double outputRoundoff)
    {
        bool rounded = c is { Cache: CacheType.BFloat16, YType: ElementType.BFloat16 };
        float[] query = rounded ? Elements.Round(q.ToArray(), ElementType.BFloat16) : q.ToArray();
        int first = c.Window == 0 ? 0 : Math.Max(0, position - c.Window + 1);
        int count = position - first + 1;
        double[] scores = new double[count];
        double scoreError = 0;
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<float> key = keys.AsSpan((((first + i) * c.KvHeads) + kvHead) * c.HeadDim, c.HeadDim);
            double sum = 0;
            double absolute = 0;
            for (int d = 0; d < c.HeadDim; d++)
            {
                sum += (double)query[d] * key[d];
                absolute += Math.Abs((double)query[d] * key[d]);
            }
            scores[i] = c.ScoreScale * sum;
            // The product's sum, the scale (the key's own too), and the subtraction of the maximum.
            scoreError = Math.Max(scoreError, U * ((LinearOracle.AccumulationSteps(c.HeadDim) * c.ScoreScale * absolute) + (5 * Math.Abs(scores[i]))));
        }
        double max = scores.Max();
        double total = scores.Sum(score => Math.Exp(score - max));
        double[] y = new double[c.HeadDim];
        double[] bound = new double[c.HeadDim];
        for (int i = 0; i < count; i++)
        {
            double weight = Math.Exp(scores[i] - max) / total;
            ReadOnlySpan<float> value = values.AsSpan((((first + i) * c.KvHeads) + kvHead) * c.HeadDim, c.HeadDim);
            for (int d = 0; d < c.HeadDim; d++)
            {
                y[d] += weight * value[d];
                bound[d] += weight * Math.Abs(value[d]);
            }
        }
        // Numerator and denominator each carry the error of the scores, of the exponentials (2e-7, twice more where spans are merged: 256 tokens
        // or fewer each), and of the sum; where weights are rounded to bf16, of that.
        double spans = 1 + (count / 256.0);
        double relative = (2 * scoreError) + (2 * (2e-7 * (1 + (2 * spans)))) + (2 * U * (LinearOracle.AccumulationSteps(count) + 4))
            + (rounded ? 2 * Elements.UnitRoundoff(ElementType.BFloat16) : 0);
        for (int d = 0; d < c.HeadDim; d++)
        {
            bound[d] = (bound[d] * relative) + (Math.Abs(y[d]) * outputRoundoff) + 1e-44;
        }
        return (y, bound);
    }
}
