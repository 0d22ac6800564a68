using KServePaged.Engine.Contracts;
using KServePaged.Engine.Diagnostics;

namespace KServePaged.Engine.Core;

/// <summary>
/// Notes when things happen to sequences and tells the metrics. Queue time ends with the first schedule, prefill with the first token, decode
/// with the last; a preemption restarts no clock. Engine thread only.
/// </summary>
internal sealed class SequenceJournal(EngineMetrics metrics, TimeProvider clock)
{
    private long _stepBeganAt;

    public LoadForecast Forecast { get; } = new();

    /// <summary>The time that events are noted under.</summary>
    public long Now { get; private set; } = clock.GetTimestamp();

    public void BeginStep() => _stepBeganAt = Now = clock.GetTimestamp();

    /// <summary>The device is done; tokens are handed out now.</summary>
    public void BeginPublish() => Now = clock.GetTimestamp();

    public void EndStep(int tokens, int sequences, long preemptions)
    {
        if (tokens > 0)
        {
            metrics.Step(tokens);
            Forecast.Step(tokens, sequences, Seconds(_stepBeganAt, Now));
        }
        if (preemptions > 0)
        {
            metrics.Preempted(preemptions);
        }
    }

    /// <summary>The first time that the sequence was in a step.</summary>
    /// <returns>How long it waited for that.</returns>
    public TimeSpan Scheduled(LiveSequence sequence, int cachedTokens)
    {
        sequence.ScheduledAt = _stepBeganAt;
        double waited = Seconds(sequence.Request.QueuedAt, _stepBeganAt);
        metrics.Scheduled(waited, sequence.PromptLength, cachedTokens);
        Forecast.Prompt(sequence.PromptLength - cachedTokens);
        return TimeSpan.FromSeconds(waited);
    }

    /// <summary>The sequence got a token.</summary>
    public void Token(LiveSequence sequence)
    {
        if (sequence.LastTokenAt is { } before)
        {
            metrics.NextToken(Seconds(before, Now));
        }
        else
        {
            sequence.FirstTokenAt = Now;
            metrics.FirstToken(
                Seconds(sequence.Request.ArrivedAt, Now), Seconds(sequence.ScheduledAt ?? Now, Now), sequence.PromptLength, sequence.CachedPromptLength ?? 0);
        }
        sequence.LastTokenAt = Now;
    }

    public void Ended(LiveSequence sequence, FinishReason reason)
    {
        metrics.Ended(
            reason, Seconds(sequence.Request.ArrivedAt, Now), sequence.PromptLength, sequence.OutputLength, sequence.MaxLength - sequence.PromptLength);
        if (sequence.FirstTokenAt is { } first && sequence.LastTokenAt is { } last && sequence.ScheduledAt is { } scheduled)
        {
            metrics.Generated(Seconds(first, last), Seconds(scheduled, last), sequence.OutputLength);
        }
    }

    /// <summary>All outputs of the request have ended.</summary>
    public void RequestEnded(CoreRequest request) => metrics.RequestEnded(request.Sequences.Count, request.LongestOutput);

    private double Seconds(long from, long to) => Math.Max(0, clock.GetElapsedTime(from, to).TotalSeconds);
}
