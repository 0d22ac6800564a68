using KServePaged.Engine.Contracts;
using KServePaged.Engine.Diagnostics;

namespace KServePaged.Engine.Core;

/// <summary>
/// Notes when things happen to sequences and tells the metrics. Queue time ends with the first schedule, prefill with the first token, decode
/// with the last; a preemption restarts no clock. Keeps the ledger of the steps. Engine thread only.
/// </summary>
internal sealed class SequenceJournal(EngineMetrics metrics, TimeProvider clock)
{
    private long _stepBeganAt;
    private long _executeBeganAt;
    private StepLedger _ledger;

    public LoadForecast Forecast { get; } = new();

    /// <summary>Of all steps so far; without those who wait.</summary>
    public StepLedger Ledger => _ledger;

    /// <summary>The time that events are noted under.</summary>
    public long Now { get; private set; } = clock.GetTimestamp();

    public void BeginStep() => _stepBeganAt = Now = clock.GetTimestamp();

    /// <summary>The plan is made.</summary>
    public void BeginExecute() => _executeBeganAt = clock.GetTimestamp();

    /// <summary>The device is done; tokens are handed out now.</summary>
    public void BeginPublish() => Now = clock.GetTimestamp();

    public void EndStep(int tokens, int sequences, long preemptions)
    {
        if (tokens > 0)
        {
            long ended = clock.GetTimestamp();
            _ledger = _ledger with
            {
                ScheduleSeconds = _ledger.ScheduleSeconds + Seconds(_stepBeganAt, _executeBeganAt),
                ExecuteSeconds = _ledger.ExecuteSeconds + Seconds(_executeBeganAt, Now),
                PublishSeconds = _ledger.PublishSeconds + Seconds(Now, ended),
            };
            metrics.Step(tokens, Seconds(_stepBeganAt, ended));
            Forecast.Step(tokens, sequences, Seconds(_stepBeganAt, Now));
        }
        if (preemptions > 0)
        {
            metrics.Preempted(preemptions);
        }
    }

    /// <summary>A step computed the sequence's tokens from <paramref name="start"/> to before <paramref name="end"/>.</summary>
    public void Computed(LiveSequence sequence, int start, int end)
    {
        // What lies below was computed once, or found in the cache, and lost in a preemption.
        int fresh = Math.Max(start, sequence.ReachedLength);
        int prefill = Math.Max(0, Math.Min(end, sequence.PromptLength) - fresh);
        int decode = Math.Max(0, end - Math.Max(fresh, sequence.PromptLength));
        _ledger = _ledger with
        {
            PrefillTokens = _ledger.PrefillTokens + prefill,
            DecodeTokens = _ledger.DecodeTokens + decode,
            RecomputedTokens = _ledger.RecomputedTokens + (end - start - prefill - decode),
        };
        sequence.ComputedPromptLength += prefill;
        sequence.ReachedLength = Math.Max(sequence.ReachedLength, end);
    }

    /// <summary>The sequence entered the scheduler.</summary>
    public void Admitted() => metrics.Admitted();

    /// <summary>The sequence's logits are no numbers.</summary>
    public void Corrupted() => metrics.Corrupted();

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
                Seconds(sequence.Request.ArrivedAt, Now), Seconds(sequence.ScheduledAt ?? Now, Now), sequence.PromptLength,
                sequence.PromptLength - sequence.ComputedPromptLength);
        }
        sequence.LastTokenAt = Now;
    }

    public void Ended(LiveSequence sequence, FinishReason reason)
    {
        metrics.Ended(
            reason, Seconds(sequence.Request.ArrivedAt, Now), sequence.PromptLength, sequence.ComputedPromptLength, sequence.OutputLength,
            sequence.MaxLength - sequence.PromptLength);
        if (sequence.FirstTokenAt is { } first && sequence.LastTokenAt is { } last && sequence.ScheduledAt is { } scheduled)
        {
            metrics.Generated(Seconds(first, last), Seconds(scheduled, last), sequence.OutputLength);
        }
    }

    /// <summary>All outputs of the request have ended.</summary>
    public void RequestEnded(CoreRequest request) => metrics.RequestEnded(request.Sequences.Count, request.LongestOutput);

    private double Seconds(long from, long to) => Math.Max(0, clock.GetElapsedTime(from, to).TotalSeconds);
}
