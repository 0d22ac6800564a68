namespace KServePaged.Predictor.Hosting;

/// <summary>The state of a model at one moment, for probes and for people.</summary>
/// <param name="Live">False: only a restart helps.</param>
/// <param name="Ready">True from the end of the warm-up decode until draining or failure.</param>
/// <param name="Stage"><c>waiting</c>, <c>download</c>, a stage of <c>LoadProgress</c>, <c>ready</c>, <c>draining</c>, <c>unloading</c>, <c>unloaded</c> or <c>failed</c>.</param>
/// <param name="BytesDone">Bytes downloaded, or weight bytes loaded.</param>
/// <param name="BytesTotal">Bytes there are; 0 until known.</param>
/// <param name="Remaining">Estimate until the stage has ended, or null.</param>
/// <param name="Message">Why it failed or could not be loaded, or null.</param>
internal sealed record HealthReport(
    bool Live, bool Ready, string Stage, long BytesDone = 0, long BytesTotal = 0, TimeSpan? Remaining = null, string? Message = null);
