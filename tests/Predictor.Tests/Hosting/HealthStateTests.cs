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

    private sealed class SteppedClock : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now;

        public void Advance(TimeSpan by) => _now += by.Ticks;
    }
}
