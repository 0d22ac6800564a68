using System.Diagnostics;
using OpenTelemetry;
using OpenTelemetry.Exporter;

namespace KServePaged.Predictor.Telemetry.Traces;

/// <summary>The exporter, with its failures counted. Runs on the exporting thread alone.</summary>
internal sealed class CountedExporter(OtlpExporterOptions options, TelemetryLosses losses) : OtlpTraceExporter(options)
{
    /// <summary>Told how many spans have left the queue.</summary>
    public Action<long>? Taken { get; set; }

    public override ExportResult Export(in Batch<Activity> activityBatch)
    {
        long count = activityBatch.Count;
        Taken?.Invoke(count);
        ExportResult result = base.Export(activityBatch);
        if (result == ExportResult.Failure)
        {
            losses.Spans(count, "export_failed");
        }
        return result;
    }
}
