using KServePaged.Engine.Contracts;
using KServePaged.Engine.Diagnostics;

namespace KServePaged.Engine.Core;

/// <summary>
/// Notes when things happen to sequences and tells the metrics. Queue time ends with the first schedule, prefill with the first token, decode
/// with the last; a preemption restarts no clock. Keeps the ledger of the steps. Engine thread only.
/// </summary>
internal sealed class SequenceJournal(EngineMetrics metrics, TimeProvider clock)
{
    private const int Schedule = 0;
    private const int Execute = 1;
    private const int Publish = 2;

    private readonly long[] _phaseTicks = new long[3];
    private int _phase;
    private long _phaseBeganAt;
    private long _stepBeganAt;
    private int _stepTokens;
    private int _stepSequences;
    private StepLedger _ledger;

    public LoadForecast Forecast { get; } = new();

    /// <summary>Of all steps so far; without those who wait.</summary>
    public StepLedger Ledger => _ledger;

    /// <summary>The time that events are noted under.</summary>
    public long Now { get; private set; } = clock.GetTimestamp();

    public void BeginStep()
    {
        _phase = Schedule;
        _phaseBeganAt = _stepBeganAt = Now = clock.GetTimestamp();
        Array.Clear(_phaseTicks);
        _stepTokens = 0;
        _stepSequences = 0;
    }

    public void BeginPlan() => Enter(Schedule);

    /// <summary>The plan is made, or the device is waited for.</summary>
    public void BeginExecute() => Enter(Execute);

    /// <summary>The device is done; tokens are handed out now.</summary>
    public void BeginPublish() => Now = Enter(Publish);

    /// <summary>Tokens of a planned step were handed out; it may have been begun before this step.</summary>
    public void Completed(int tokens, int sequences)
    {
        _stepTokens += tokens;
        _stepSequences += sequences;
    }

    public void EndStep(long preemptions)
    {
        if (_stepTokens > 0)
        {
            long ended = Enter(Schedule);
            _ledger = _ledger with
            {
                ScheduleSeconds = _ledger.ScheduleSeconds + SecondsOf(Schedule),
                ExecuteSeconds = _ledger.ExecuteSeconds + SecondsOf(Execute),
                PublishSeconds = _ledger.PublishSeconds + SecondsOf(Publish),
            };
            metrics.Step(_stepTokens, Seconds(_stepBeganAt, ended));
            Forecast.Step(_stepTokens, _stepSequences, SecondsOf(Schedule) + SecondsOf(Execute));
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

    private long Enter(int phase)
    {
        long now = clock.GetTimestamp();
        _phaseTicks[_phase] += now - _phaseBeganAt;
        _phase = phase;
        _phaseBeganAt = now;
        return now;
    }

    private double SecondsOf(int phase) => Seconds(0, _phaseTicks[phase]);

    private double Seconds(long from, long to) => Math.Max(0, clock.GetElapsedTime(from, to).TotalSeconds);
}
