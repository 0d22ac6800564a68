namespace KServePaged.Serving.Report;

/// <summary>Some percentiles of measured values, between neighbours linearly.</summary>
internal sealed record Distribution(double P50, double P90, double P99, double Mean, double Max)
{
    /// <returns>Null when there are no values.</returns>
    public static Distribution? Of(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Where(value => !double.IsNaN(value)).Order()];
        return sorted.Length == 0 ? null : new Distribution(Percentile(sorted, 0.5), Percentile(sorted, 0.9), Percentile(sorted, 0.99), sorted.Average(), sorted[^1]);
    }

    /// <param name="sorted">Rising; at least one.</param>
    /// <param name="fraction">From 0, the lowest, to 1, the highest.</param>
    public static double Percentile(IReadOnlyList<double> sorted, double fraction)
    {
        double place = fraction * (sorted.Count - 1);
        int below = (int)place;
        int above = Math.Min(below + 1, sorted.Count - 1);
        return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
    }

    public static double Median(IEnumerable<double> values) => Percentile([.. values.Order()], 0.5);
}
