using KServePaged.Engine.Configuration;

namespace KServePaged.Predictor.Hosting;

/// <summary>From load to drain: what a model's probes answer. Written by <see cref="ModelLifecycle"/>, read from any thread.</summary>
internal sealed class HealthState(TimeProvider clock)
{
    public const string WaitingStage = "waiting";
    public const string ReadyStage = "ready";
    public const string DrainingStage = "draining";
    public const string UnloadingStage = "unloading";
    public const string UnloadedStage = "unloaded";
    public const string FailedStage = "failed";

    private readonly Lock _gate = new();
    private HealthReport _report = new(Live: true, Ready: false, UnloadedStage);
    private Func<Exception?>? _failure;
    private (string Stage, long Timestamp, long Bytes)? _bytesBegan;
    private long? _loadBegan;
    private LoadFigures _load;

    public HealthReport Current
    {
        get
        {
            lock (_gate)
            {
                return _failure?.Invoke() is { } failure
                    ? new HealthReport(Live: false, Ready: false, FailedStage, Message: failure.Message)
                    : _report;
            }
        }
    }

    /// <summary>Of the loading that goes on, or of the last one.</summary>
    public LoadFigures Load
    {
        get
        {
            lock (_gate)
            {
                return _loadBegan is { } began ? _load with { Time = clock.GetElapsedTime(began) } : _load;
            }
        }
    }

    /// <summary>It is to be loaded, and something else comes first.</summary>
    public void Waiting()
    {
        lock (_gate)
        {
            _bytesBegan = null;
            _loadBegan = clock.GetTimestamp();
            _load = default;
            _report = new HealthReport(Live: true, Ready: false, WaitingStage);
        }
    }

    public HealthReport Loading(LoadProgress progress)
    {
        lock (_gate)
        {
            if (_bytesBegan?.Stage != progress.Stage && progress.BytesTotal > 0)
            {
                _bytesBegan = (progress.Stage, clock.GetTimestamp(), progress.BytesDone); // downloading and loading have each their own speed
            }
            if (progress.BytesTotal > 0)
            {
                _load = _load with { BytesDone = progress.BytesDone, BytesTotal = progress.BytesTotal };
            }
            return _report = new HealthReport(
                Live: true, Ready: false, progress.Stage == ReadyStage ? "warmup" : progress.Stage, progress.BytesDone, progress.BytesTotal, Remaining(progress));
        }
    }

    /// <param name="failure">Asked from now on: null while it works.</param>
    public void Ready(Func<Exception?> failure)
    {
        lock (_gate)
        {
            _failure = failure;
            EndLoad();
            _report = _report with { Ready = true, Stage = ReadyStage, Remaining = null };
        }
    }

    public void Draining()
    {
        lock (_gate)
        {
            _report = _report with { Ready = false, Stage = DrainingStage, Remaining = null };
        }
    }

    public void Unloading()
    {
        lock (_gate)
        {
            _report = new HealthReport(Live: true, Ready: false, UnloadingStage);
        }
    }

    /// <param name="reason">Why the last try to load it failed, or null.</param>
    public void Unloaded(string? reason = null)
    {
        lock (_gate)
        {
            _failure = null;
            EndLoad();
            _report = new HealthReport(Live: true, Ready: false, UnloadedStage, Message: reason);
        }
    }

    /// <summary>The process cannot do what it was started for.</summary>
    public void Failed(string message)
    {
        lock (_gate)
        {
            EndLoad();
            _report = new HealthReport(Live: false, Ready: false, FailedStage, Message: message);
        }
    }

    private void EndLoad()
    {
        if (_loadBegan is { } began)
        {
            _load = _load with { Time = clock.GetElapsedTime(began) };
            _loadBegan = null;
        }
    }

    private TimeSpan? Remaining(LoadProgress progress)
    {
        if (_bytesBegan is not { } began || began.Stage != progress.Stage || progress.BytesDone <= began.Bytes)
        {
            return null;
        }
        double seconds = clock.GetElapsedTime(began.Timestamp).TotalSeconds;
        return TimeSpan.FromSeconds(seconds / (progress.BytesDone - began.Bytes) * (progress.BytesTotal - progress.BytesDone));
    }
}
