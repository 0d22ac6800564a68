namespace KServePaged.Predictor.Telemetry;

/// <summary>The types of the text exposition format.</summary>
internal enum MetricKind
{
    Counter,
    Gauge,
    Histogram,
}
