using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace KServePaged.Predictor.Telemetry;

/// <summary>
/// Listens to the process's own meters (<c>KServePaged.*</c>) and keeps the current value of each series for the scrape.
/// An instrument's name is its exposed name; a meter that is disposed takes its series with it.
/// </summary>
internal sealed class MetricsRegistry : IDisposable
{
    private readonly ConcurrentDictionary<Instrument, MetricFamily> _families = new();
    private readonly MeterListener _listener = new();
    private readonly Lock _collecting = new();

    public MetricsRegistry()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name.StartsWith("KServePaged.", StringComparison.Ordinal))
            {
                MetricFamily family = _families.GetOrAdd(instrument, static published => new MetricFamily(published));
                listener.EnableMeasurementEvents(instrument, family);
            }
        };
        _listener.MeasurementsCompleted = (instrument, _) => _families.TryRemove(instrument, out MetricFamily? _);
        // The family is null for an instrument whose meter is being disposed while it is measured.
        _listener.SetMeasurementEventCallback<int>(static (_, value, tags, family) => ((MetricFamily?)family)?.Record(value, tags));
        _listener.SetMeasurementEventCallback<long>(static (_, value, tags, family) => ((MetricFamily?)family)?.Record(value, tags));
        _listener.SetMeasurementEventCallback<float>(static (_, value, tags, family) => ((MetricFamily?)family)?.Record(value, tags));
        _listener.SetMeasurementEventCallback<double>(static (_, value, tags, family) => ((MetricFamily?)family)?.Record(value, tags));
        _listener.Start();
    }

    /// <summary>The page of a scrape. Scrapes take turns, since each asks the observable instruments anew.</summary>
    public string Scrape()
    {
        lock (_collecting)
        {
            return PrometheusText.Write(Collect());
        }
    }

    /// <summary>Asks the observable instruments, then gives every family, those of one name side by side. One caller at a time.</summary>
    public IReadOnlyList<MetricFamily> Collect()
    {
        foreach (MetricFamily family in _families.Values)
        {
            if (family.IsObserved)
            {
                family.Forget();
            }
        }
        _listener.RecordObservableInstruments();
        return [.. _families.Values.OrderBy(family => family.Name, StringComparer.Ordinal)];
    }

    public void Dispose() => _listener.Dispose();
}
