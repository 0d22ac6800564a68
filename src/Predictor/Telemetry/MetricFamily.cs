using System.Diagnostics.Metrics;
using System.Text;

namespace KServePaged.Predictor.Telemetry;

/// <summary>
/// One instrument with its series. Recording may happen on any thread, also the engine's: it takes no memory but for the first value of a
/// series.
/// </summary>
internal sealed class MetricFamily
{
    private static readonly double[] DefaultBounds = [.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10];

    private readonly Lock _adding = new();
    private readonly MetricSeries? _untagged;
    private readonly string _scope;
    private readonly double[]? _bounds;
    private readonly bool _adds;
    private volatile Tagged[] _tagged = [];

    public MetricFamily(Instrument instrument)
    {
        Name = instrument.Name;
        Description = instrument.Description ?? "";
        Type generic = instrument.GetType().GetGenericTypeDefinition();
        Kind = generic == typeof(Histogram<>) ? MetricKind.Histogram
            : generic == typeof(Counter<>) || generic == typeof(ObservableCounter<>) ? MetricKind.Counter
            : MetricKind.Gauge;
        IsObserved = instrument.IsObservable;
        _adds = generic == typeof(Counter<>) || generic == typeof(UpDownCounter<>);
        _bounds = Kind == MetricKind.Histogram ? Bounds(instrument) : null;
        _scope = Labels((instrument.Meter.Tags ?? []).Concat(instrument.Tags ?? []));
        // An event that has not happened yet is 0, not absent: rates and alerts need the first sample.
        _untagged = _adds || Kind == MetricKind.Histogram ? new MetricSeries(_scope, _bounds) : null;
    }

    public string Name { get; }

    public string Description { get; }

    public MetricKind Kind { get; }

    /// <summary>Its values are asked for when somebody collects.</summary>
    public bool IsObserved { get; }

    /// <summary>An untagged series is left out once tagged ones exist: the instrument is then one that is always tagged.</summary>
    public IEnumerable<MetricSeries> Series
    {
        get
        {
            IEnumerable<MetricSeries> tagged = _tagged.Select(entry => entry.Series);
            return _untagged is not null && (_tagged.Length == 0 || _untagged.HasValue) ? tagged.Prepend(_untagged) : tagged;
        }
    }

    public void Record(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        MetricSeries series = tags.IsEmpty && _untagged is not null ? _untagged : Find(tags) ?? Add(tags);
        series.Record(value, _adds);
    }

    /// <summary>Before it is asked again: what is not measured any more is gone.</summary>
    public void Forget() => _tagged = [];

    // Series are few, so that looking through them takes less than making a key would.
    private MetricSeries? Find(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        foreach (Tagged entry in _tagged)
        {
            if (Same(entry.Tags, tags))
            {
                return entry.Series;
            }
        }
        return null;
    }

    private MetricSeries Add(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        lock (_adding)
        {
            if (Find(tags) is { } added)
            {
                return added;
            }
            string own = Labels(tags.ToArray());
            var series = new MetricSeries(_scope.Length > 0 && own.Length > 0 ? $"{_scope},{own}" : _scope + own, _bounds);
            _tagged = [.. _tagged, new Tagged(tags.ToArray(), series)];
            return series;
        }
    }

    private static bool Same(KeyValuePair<string, object?>[] own, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (own.Length != tags.Length)
        {
            return false;
        }
        for (int i = 0; i < own.Length; i++)
        {
            if (own[i].Key != tags[i].Key || !Equals(own[i].Value, tags[i].Value))
            {
                return false;
            }
        }
        return true;
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
            string shown = value is IFormattable number ? number.ToString(null, System.Globalization.CultureInfo.InvariantCulture) : value?.ToString() ?? "";
            text.Append(text.Length > 0 ? "," : "").Append(name).Append("=\"");
            text.Append(shown.Replace("\\", "\\\\").Replace("\"", "\\\"").Replace("\n", "\\n")).Append('"');
        }
        return text.ToString();
    }

    private sealed record Tagged(KeyValuePair<string, object?>[] Tags, MetricSeries Series);
}
