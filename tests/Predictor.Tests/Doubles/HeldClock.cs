namespace KServePaged.Predictor.Tests.Doubles;

/// <summary>The system's time, but for timers of one length, which end when the test says so.</summary>
internal sealed class HeldClock(TimeSpan length) : TimeProvider
{
    private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Action? _end;

    /// <summary>Completes when somebody waits for that long.</summary>
    public Task Asked => _asked.Task;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        if (dueTime != length)
        {
            return base.CreateTimer(callback, state, dueTime, period);
        }
        _end = () => callback(state);
        _asked.TrySetResult();
        return base.CreateTimer(callback, state, Timeout.InfiniteTimeSpan, period);
    }

    public void End() => _end!(); // Asked has completed
}
