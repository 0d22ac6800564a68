using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Text;

namespace KServePaged.Predictor.Telemetry;

/// <summary>One instrument with its series. Recording may happen on any thread, also the engine's: without tags it takes no memory.</summary>
internal sealed class MetricFamily
{
    private static readonly double[] DefaultBounds = [.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10];

    private readonly ConcurrentDictionary<string, MetricSeries> _tagged = new();

    // Rendering labels costs more than recording: the tags of the first series are kept to find them again by comparing.
    private volatile (KeyValuePair<string, object?>[] Tags, MetricSeries Series)[] _known = [];
    private readonly MetricSeries? _untagged;
    private readonly string _scope;
    private readonly double[]? _bounds;
    private readonly bool _adds;

    public MetricFamily(Instrument instrument)
    {
        Name = instrument.Name;
        Description = instrument.Description ?? "";
        Type generic = instrument.GetType().GetGenericTypeDefinition();
        Kind = generic == typeof(Histogram<>) ? MetricKind.Histogram
            : generic == typeof(Counter<>) || generic == typeof(ObservableCounter<>) ? MetricKind.Counter
            : MetricKind.Gauge;
        _adds = generic == typeof(Counter<>) || generic == typeof(UpDownCounter<>);
        _bounds = Kind == MetricKind.Histogram ? Bounds(instrument) : null;
        _scope = Labels((instrument.Meter.Tags ?? []).Concat(instrument.Tags ?? []));
        // An event that has not happened yet is 0, not absent: rates and alerts need the first sample.
        _untagged = _adds || Kind == MetricKind.Histogram ? new MetricSeries(_scope, _bounds) : null;
    }

    public string Name { get; }

    public string Description { get; }

    public MetricKind Kind { get; }

    /// <summary>An untagged series is left out once tagged ones exist: the instrument is then one that is always tagged.</summary>
    public IEnumerable<MetricSeries> Series =>
        _untagged is not null && (_tagged.IsEmpty || _untagged.HasValue)
            ? _tagged.Values.Prepend(_untagged)
            : _tagged.Values;

    public void Record(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        MetricSeries series = tags.IsEmpty && _untagged is not null ? _untagged : Tagged(tags);
        series.Record(value, _adds);
    }

    private MetricSeries Tagged(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        foreach ((KeyValuePair<string, object?>[] known, MetricSeries series) in _known)
        {
            if (tags.SequenceEqual(known, TagComparer.Instance))
            {
                return series;
            }
        }
        return Remember(tags);
    }

    private MetricSeries Remember(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        const int Most = 64;
        MetricSeries series = Rendered(tags);
        if (_known.Length < Most)
        {
            _known = [.. _known, (tags.ToArray(), series)]; // a lost race only renders once more
        }
        return series;
    }

    private MetricSeries Rendered(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        string own = Labels(tags.ToArray());
        string labels = _scope.Length > 0 && own.Length > 0 ? $"{_scope},{own}" : _scope + own;
        return _tagged.GetOrAdd(labels, key => new MetricSeries(key, _bounds));
    }

    private static double[] Bounds(Instrument instrument) => instrument switch
    {
        Histogram<double> { Advice.HistogramBucketBoundaries: { } bounds } => [.. bounds],
        Histogram<long> { Advice.HistogramBucketBoundaries: { } bounds } => [.. bounds.Select(bound => (double)bound)],
        Histogram<int> { Advice.HistogramBucketBoundaries: { } bounds } => [.. bounds.Select(bound => (double)bound)],
        _ => DefaultBounds,
    };

    private static string Labels(IEnumerable<KeyValuePair<string, object?>> tags)
    {
        var text = new StringBuilder();
        foreach ((string name, object? value) in tags)
        {
            text.Append(text.Length > 0 ? "," : "").Append(name).Append("=\"");
            text.Append((value?.ToString() ?? "").Replace("\\", "\\\\").Replace("\"", "\\\"").Replace("\n", "\\n")).Append('"');
        }
        return text.ToString();
    }

    private sealed class TagComparer : IEqualityComparer<KeyValuePair<string, object?>>
    {
        public static TagComparer Instance { get; } = new();

        public bool Equals(KeyValuePair<string, object?> x, KeyValuePair<string, object?> y) => x.Key == y.Key && object.Equals(x.Value, y.Value);

        public int GetHashCode(KeyValuePair<string, object?> tag) => HashCode.Combine(tag.Key, tag.Value);
    }
}
