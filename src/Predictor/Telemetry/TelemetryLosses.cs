using System.Diagnostics.Metrics;

namespace KServePaged.Predictor.Telemetry;

/// <summary>Counts what was not told: log lines, spans and events that were dropped rather than hold up a request.</summary>
internal sealed class TelemetryLosses : IDisposable
{
    private readonly Meter _meter = new("KServePaged.Telemetry");
    private readonly Counter<long> _logLines;
    private readonly Counter<long> _spans;
    private readonly Counter<long> _events;
    private readonly Counter<long> _sent;

    public TelemetryLosses()
    {
        _logLines = _meter.CreateCounter<long>("kservepaged_log_lines_dropped", description: "Log lines dropped because standard error took no more.");
        _spans = _meter.CreateCounter<long>("kservepaged_trace_spans_dropped", description: "Spans dropped: the queue was full, or the collector did not take them.");
        _events = _meter.CreateCounter<long>("kservepaged_inference_log_dropped", description: "Events of the inference log that were dropped, by reason.");
        _sent = _meter.CreateCounter<long>("kservepaged_inference_log_sent", description: "Events of the inference log that the sink took.");
    }

    public void LogLine() => _logLines.Add(1);

    /// <param name="reason">queue_full or export_failed.</param>
    public void Spans(long count, string reason) => _spans.Add(count, new KeyValuePair<string, object?>("reason", reason));

    /// <param name="reason">queue_full, refused, failed or shutdown.</param>
    public void Event(string reason) => _events.Add(1, new KeyValuePair<string, object?>("reason", reason));

    public void EventSent() => _sent.Add(1);

    public void Dispose() => _meter.Dispose();
}
