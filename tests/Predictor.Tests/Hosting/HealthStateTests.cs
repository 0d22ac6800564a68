using KServePaged.Engine.Configuration;
using KServePaged.Predictor.Hosting;
using KServePaged.Predictor.Tests.Doubles;

namespace KServePaged.Predictor.Tests.Hosting;

public sealed class HealthStateTests
{
    private readonly SteppedClock _clock = new();

    [Fact]
    public void Loading_EstimatesTheRestFromTheRateSoFar()
    {
        var state = new HealthState(_clock);
        Assert.Equal(new HealthReport(Live: true, Ready: false, "unloaded"), state.Current);
        state.Loading(new LoadProgress("config", 0, 0));
        _clock.Advance(TimeSpan.FromSeconds(100)); // before the first byte: not part of the rate
        Assert.Null(state.Loading(new LoadProgress("weights", 0, 1000)).Remaining);
        _clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(TimeSpan.FromSeconds(6), state.Loading(new LoadProgress("weights", 250, 1000)).Remaining);
        _clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(new HealthReport(true, false, "weights", 500, 1000, TimeSpan.FromSeconds(4)), state.Loading(new LoadProgress("weights", 500, 1000)));
    }

    [Fact]
    public async Task Stages_FollowTheEngine()
    {
        var state = new HealthState(_clock);
        Assert.Equal("warmup", state.Loading(new LoadProgress("ready", 0, 0)).Stage); // ready is what the host says, not the loader
        await using var engine = new ScriptedEngine();
        state.Ready(() => engine.Failure);
        Assert.Equal((true, true, "ready"), (state.Current.Live, state.Current.Ready, state.Current.Stage));
        state.Draining();
        Assert.Equal((true, false, "draining"), (state.Current.Live, state.Current.Ready, state.Current.Stage));
        engine.Failure = new InvalidOperationException("gone");
        Assert.Equal(new HealthReport(Live: false, Ready: false, "failed", Message: "gone"), state.Current);
    }

    [Fact]
    public void Load_TellsTimeAndBytesUntilItEndsAndAfterwards()
    {
        var state = new HealthState(_clock);
        Assert.Equal(default, state.Load);
        state.Waiting();
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(new LoadFigures(TimeSpan.FromSeconds(1), 0, 0), state.Load);
        state.Loading(new LoadProgress("weights", 250, 1000));
        _clock.Advance(TimeSpan.FromSeconds(2));
        state.Loading(new LoadProgress("cache", 1000, 1000));
        state.Loading(new LoadProgress("warmup", 0, 0)); // knows nothing of bytes
        state.Ready(() => null);
        _clock.Advance(TimeSpan.FromSeconds(100));
        Assert.Equal(new LoadFigures(TimeSpan.FromSeconds(3), 1000, 1000), state.Load);
        state.Waiting();
        Assert.Equal(default, state.Load);
    }

    private sealed class SteppedClock : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now;

        public void Advance(TimeSpan by) => _now += by.Ticks;
    }
}
