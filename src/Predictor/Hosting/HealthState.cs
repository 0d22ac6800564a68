using KServePaged.Engine;
using KServePaged.Engine.Configuration;

namespace KServePaged.Predictor.Hosting;

/// <summary>From load to drain: what a model's probes answer. Written by <see cref="EngineHost"/>, read from any thread.</summary>
internal sealed class HealthState(TimeProvider clock)
{
    private readonly Lock _gate = new();
    private HealthReport _report = new(Live: true, Ready: false, "waiting");
    private ILlmEngine? _engine;
    private (long Timestamp, long Bytes)? _weightsBegan;

    public HealthReport Current
    {
        get
        {
            lock (_gate)
            {
                return _engine?.Failure is { } failure
                    ? new HealthReport(Live: false, Ready: false, "failed", Message: failure.Message)
                    : _report;
            }
        }
    }

    public HealthReport Loading(LoadProgress progress)
    {
        lock (_gate)
        {
            if (_weightsBegan is null && progress.BytesTotal > 0)
            {
                _weightsBegan = (clock.GetTimestamp(), progress.BytesDone);
            }
            return _report = new HealthReport(
                Live: true, Ready: false, progress.Stage == "ready" ? "warmup" : progress.Stage, progress.BytesDone, progress.BytesTotal, Remaining(progress));
        }
    }

    public void Ready(ILlmEngine engine)
    {
        lock (_gate)
        {
            _engine = engine;
            _report = _report with { Ready = true, Stage = "ready", Remaining = null };
        }
    }

    public void Draining()
    {
        lock (_gate)
        {
            _report = _report with { Ready = false, Stage = "draining", Remaining = null };
        }
    }

    public void Failed(string message)
    {
        lock (_gate)
        {
            _report = new HealthReport(Live: false, Ready: false, "failed", Message: message);
        }
    }

    private TimeSpan? Remaining(LoadProgress progress)
    {
        if (_weightsBegan is not { } began || progress.BytesDone <= began.Bytes)
        {
            return null;
        }
        double seconds = clock.GetElapsedTime(began.Timestamp).TotalSeconds;
        return TimeSpan.FromSeconds(seconds / (progress.BytesDone - began.Bytes) * (progress.BytesTotal - progress.BytesDone));
    }
}
