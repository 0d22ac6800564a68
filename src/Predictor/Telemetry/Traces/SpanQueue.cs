using System.Diagnostics;
using OpenTelemetry;

namespace KServePaged.Predictor.Telemetry.Traces;

/// <summary>Spans on their way to the exporting thread: bounded, and one too many is dropped and counted. The base class drops without a count.</summary>
internal sealed class SpanQueue : BatchActivityExportProcessor
{
    public const int Capacity = 8192;

    private const int BatchSize = 512;
    private const int DelayMilliseconds = 1000;
    private const int TimeoutMilliseconds = 10_000;

    private readonly TelemetryLosses _losses;
    private long _queued;

    public SpanQueue(CountedExporter exporter, TelemetryLosses losses)
        : base(exporter, Capacity + BatchSize, DelayMilliseconds, TimeoutMilliseconds, BatchSize)
    {
        _losses = losses;
        exporter.Taken = count => Interlocked.Add(ref _queued, -count);
    }

    public override void OnEnd(Activity data)
    {
        if (!data.Recorded)
        {
            return;
        }
        if (Interlocked.Increment(ref _queued) > Capacity)
        {
            Interlocked.Decrement(ref _queued);
            _losses.Spans(1, "queue_full");
            return;
        }
        base.OnEnd(data);
    }
}
