using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace KServePaged.Predictor.Tests.Doubles;

/// <summary>Sums what the counters of dropped telemetry count, of every server in the process.</summary>
internal sealed class CountedLosses : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly ConcurrentDictionary<string, long> _sums = new();

    public CountedLosses()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == "KServePaged.Telemetry")
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
            _sums.AddOrUpdate(tags.IsEmpty ? instrument.Name : $"{instrument.Name} {tags[0].Value}", value, (_, sum) => sum + value));
        _listener.Start();
    }

    /// <param name="name">The counter, and its reason after a blank.</param>
    public long this[string name] => _sums.GetValueOrDefault(name);

    /// <summary>Waits until so many are counted, at most ten seconds.</summary>
    public async Task WaitForAsync(string name, long count)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(10));
        while (this[name] < count)
        {
            await Task.Delay(5, limit.Token);
        }
    }

    public void Dispose() => _listener.Dispose();
}
