namespace KServePaged.Predictor.Telemetry;

/// <summary>The current value of one combination of labels.</summary>
/// <param name="labels">Rendered: <c>a="x",b="y"</c>.</param>
/// <param name="bounds">Upper bounds of a histogram's buckets, rising; null for plain values.</param>
internal sealed class MetricSeries(string labels, double[]? bounds)
{
    private readonly Lock _gate = new();
    private readonly long[] _buckets = new long[(bounds?.Length ?? 0) + 1];
    private double _value;
    private long _count;

    public string Labels => labels;

    public IReadOnlyList<double> Bounds => bounds ?? [];

    public bool HasValue
    {
        get
        {
            lock (_gate)
            {
                return _count > 0;
            }
        }
    }

    public void Record(double value, bool adds)
    {
        lock (_gate)
        {
            _count++;
            if (bounds is null)
            {
                _value = adds ? _value + value : value;
                return;
            }
            _value += value;
            int bucket = Array.BinarySearch(bounds, value);
            _buckets[bucket < 0 ? ~bucket : bucket]++;
        }
    }

    /// <summary>A consistent copy.</summary>
    /// <param name="cumulative">Counts of values up to each bound, then all; filled only for a histogram.</param>
    public (double Value, long Count) Read(Span<long> cumulative)
    {
        lock (_gate)
        {
            long sum = 0;
            for (int i = 0; i < cumulative.Length; i++)
            {
                sum += _buckets[i];
                cumulative[i] = sum;
            }
            return (_value, _count);
        }
    }
}
