using System.Diagnostics.Metrics;

namespace KServePaged.Predictor.Storage;

/// <summary>Counts of downloads, in /metrics.</summary>
internal static class StorageMetrics
{
    private static readonly Meter Meter = new("KServePaged.Storage");

    public static Counter<long> Bytes { get; } = Meter.CreateCounter<long>("kservepaged_download_bytes", null, "Bytes of models received.");

    public static Counter<long> Retries { get; } = Meter.CreateCounter<long>("kservepaged_download_retries", null, "Tries of a download after a failed one.");
}
