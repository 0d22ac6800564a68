using KServePaged.Engine.Contracts;
using KServePaged.Engine.Diagnostics;
using KServePaged.Engine.Execution;
using KServePaged.Engine.KvCache;
using KServePaged.Engine.Scheduling;

namespace KServePaged.Engine.Core;

/// <summary>
/// The step loop's body. Owns scheduler, cache and executor; everything runs on the engine thread, but for <see cref="Statistics"/>.
/// A steady step allocates nothing.
/// </summary>
internal sealed class EngineCore
{
    private readonly IStepExecutor _executor;
    private readonly KvCacheManager _cache;
    private readonly Scheduler _scheduler;
    private readonly Inbox _inbox;
    private readonly SequenceJournal _journal;
    private readonly StepPlan _plan = new();
    private readonly StepResult _result;
    private readonly List<CoreRequest> _live = [];
    private readonly List<CoreRequest> _arrivals = [];
    private readonly List<RequestEnding> _endings = [];
    private readonly Lock _statisticsGate = new();
    private EngineStatistics _statistics;
    private StepLedger _ledger;
    private long _nextDeadline = long.MaxValue;

    /// <param name="maxTopLogprobs">The most alternatives that a request may ask for.</param>
    public EngineCore(
        IStepExecutor executor, KvCacheManager cache, SchedulingLimits limits, int maxTopLogprobs, Inbox inbox, EngineMetrics metrics, TimeProvider clock)
    {
        _executor = executor;
        _cache = cache;
        _scheduler = new Scheduler(limits, cache);
        _inbox = inbox;
        _journal = new SequenceJournal(metrics, clock);
        _result = new StepResult(limits.MaxLogitRows, maxTopLogprobs);
        UpdateStatistics();
    }

    /// <summary>A consistent snapshot after the last step. Any thread.</summary>
    public EngineStatistics Statistics
    {
        get
        {
            lock (_statisticsGate)
            {
                return _statistics;
            }
        }
    }

    /// <summary>Of the same moment. Any thread.</summary>
    public StepLedger Ledger
    {
        get
        {
            lock (_statisticsGate)
            {
                return _ledger;
            }
        }
    }

    /// <summary>One step: takes the mail, computes what the scheduler chose, hands out what came of it.</summary>
    /// <returns>False when nothing is left to do until mail comes.</returns>
    /// <exception cref="Exception">The executor failed. The step is undone; what happens to the requests is the caller's decision.</exception>
    public bool Step()
    {
        _journal.BeginStep();
        Drain();
        long preemptions = _scheduler.PreemptionCount;
        try
        {
            using KvReservation reservation = _cache.Reserve();
            _scheduler.Plan(_plan, reservation);
            _journal.BeginExecute();
            if (_plan.SequenceCount > 0)
            {
                _executor.Execute(_plan, _result);
            }
            reservation.Commit();
        }
        catch
        {
            _scheduler.Rollback(_plan);
            throw;
        }
        _scheduler.Commit(_plan);
        Publish();
        _journal.EndStep(_plan.TokenCount, _plan.SequenceCount, _scheduler.PreemptionCount - preemptions);
        UpdateStatistics();
        return !_scheduler.IsIdle;
    }

    /// <summary>Ends every request, those in the mail too, and takes no more.</summary>
    /// <param name="reason">What their outputs end with.</param>
    /// <param name="failure">What their readers throw instead; null = they end in order.</param>
    public void EndAll(FinishReason reason, RequestException? failure)
    {
        _inbox.Close();
        _journal.BeginStep();
        Drain();
        foreach (CoreRequest request in _live)
        {
            Tell(request, reason, failure); // all of them first: whatever state a failure left, nobody waits in vain
        }
        while (_live.Count > 0)
        {
            End(_live[^1], outputIndex: null, reason);
        }
        UpdateStatistics();
    }

    private static void Tell(CoreRequest request, FinishReason reason, RequestException? failure)
    {
        if (failure is not null)
        {
            request.Output.Fail(failure);
            return;
        }
        foreach (LiveSequence sequence in request.Sequences)
        {
            if (sequence.State != SequenceState.Finished)
            {
                request.Output.End(sequence.OutputIndex, reason);
            }
        }
    }

    private void Drain()
    {
        _inbox.Take(_arrivals, _endings);
        foreach (CoreRequest request in _arrivals)
        {
            request.LiveIndex = _live.Count;
            _live.Add(request);
            _nextDeadline = Math.Min(_nextDeadline, request.Deadline ?? long.MaxValue);
            foreach (LiveSequence sequence in request.Sequences)
            {
                _scheduler.Add(sequence);
                _journal.Admitted();
            }
        }
        _arrivals.Clear();
        foreach (RequestEnding ending in _endings)
        {
            End(ending.Request, ending.OutputIndex, ending.Reason);
        }
        _endings.Clear();
        if (_journal.Now >= _nextDeadline)
        {
            GiveUpLateRequests(_journal.Now);
        }
    }

    private void GiveUpLateRequests(long now)
    {
        _nextDeadline = long.MaxValue;
        for (int i = _live.Count - 1; i >= 0; i--)
        {
            CoreRequest request = _live[i];
            if (request.Deadline <= now)
            {
                request.Output.Fail(new RequestException(EngineErrorCode.DeadlineExceeded, "The deadline of the request passed before it was complete."));
                End(request, outputIndex: null, FinishReason.Abort); // takes the last request to this place
            }
            else
            {
                _nextDeadline = Math.Min(_nextDeadline, request.Deadline ?? long.MaxValue);
            }
        }
    }

    private void Publish()
    {
        _journal.BeginPublish();
        int row = 0;
        for (int i = 0; i < _plan.SequenceCount; i++)
        {
            ScheduledSequence item = _plan[i];
            var sequence = (LiveSequence)item.Sequence;
            if (sequence.ScheduledAt is null)
            {
                Start(sequence);
            }
            _journal.Computed(sequence, item.Start, item.Start + item.TokenCount);
            int last = row + item.LogitCount;
            bool valid = _result.Tokens.AsSpan(row, item.LogitCount).IndexOf(-1) < 0;
            for (; valid && row < last - (item.Samples ? 1 : 0); row++)
            {
                Put(sequence, row, sequence.PromptTopLogprobs, isPrompt: true, finish: null);
            }
            if (!valid)
            {
                _journal.Corrupted();
                sequence.Request.Output.End(sequence.OutputIndex, FinishReason.Error);
                End(sequence, FinishReason.Error);
            }
            else if (item.Samples)
            {
                Append(sequence, row);
            }
            row = last;
        }
    }

    private void Start(LiveSequence sequence)
    {
        if (!sequence.Request.HasStarted)
        {
            sequence.Request.HasStarted = true;
            _inbox.LeaveQueue();
        }
        int cached = sequence.CachedPromptLength ?? 0;
        TimeSpan queueTime = _journal.Scheduled(sequence, cached);
        if (sequence.OutputIndex == 0)
        {
            sequence.Request.Output.Begin(cached, queueTime);
        }
    }

    private void Append(LiveSequence sequence, int row)
    {
        FinishReason? finish = sequence.Append(_result.Tokens[row]);
        _journal.Token(sequence);
        Put(sequence, row, sequence.TopLogprobs, isPrompt: false, finish);
        if (finish is { } reason)
        {
            End(sequence, reason);
        }
    }

    private void Put(LiveSequence sequence, int row, int topCount, bool isPrompt, FinishReason? finish)
    {
        topCount = Math.Max(topCount, 0);
        int first = row * _result.MaxTopLogprobs;
        var record = new OutputRecord(
            sequence.OutputIndex, _result.Tokens[row], _result.Logprobs[row], _result.Ranks[row], topCount, isPrompt, finish);
        sequence.Request.Output.Add(record, _result.TopIds.AsSpan(first, topCount), _result.TopLogprobs.AsSpan(first, topCount), _journal.Now);
    }

    private void End(CoreRequest request, int? outputIndex, FinishReason reason)
    {
        for (int i = 0; i < request.Sequences.Count; i++)
        {
            if (outputIndex is null || outputIndex == i)
            {
                End(request.Sequences[i], reason);
            }
        }
    }

    private void End(LiveSequence sequence, FinishReason reason)
    {
        CoreRequest request = sequence.Request;
        if (sequence.State == SequenceState.Finished || request.LiveIndex < 0)
        {
            return; // the end crossed another in the mail
        }
        _scheduler.Remove(sequence);
        _journal.Ended(sequence, reason);
        request.LongestOutput = Math.Max(request.LongestOutput, sequence.OutputLength);
        if (--request.LiveCount > 0)
        {
            return;
        }
        _journal.RequestEnded(request);
        if (!request.HasStarted)
        {
            _inbox.LeaveQueue();
        }
        _live[^1].LiveIndex = request.LiveIndex;
        _live[request.LiveIndex] = _live[^1];
        _live.RemoveAt(_live.Count - 1);
        request.LiveIndex = -1;
    }

    private void UpdateStatistics()
    {
        long pending = _scheduler.PendingTokens;
        var statistics = new EngineStatistics(
            _scheduler.RunningCount, _scheduler.WaitingCount, _cache.Pool.UsedCount, _cache.Prefixes.Count, _cache.Pool.BlockCount,
            pending, _journal.Forecast.WorkSeconds(pending), _journal.Forecast.FirstTokenSeconds(pending));
        StepLedger ledger = _journal.Ledger with { DeferredSequences = _scheduler.DeferredCount, OldestQueuedAt = OldestQueuedAt() };
        lock (_statisticsGate)
        {
            _statistics = statistics;
            _ledger = ledger;
        }
    }

    // Those that were preempted stand before it, and waited already.
    private long? OldestQueuedAt()
    {
        for (int i = 0; i < _scheduler.WaitingCount; i++)
        {
            if (_scheduler.WaitingAt(i) is LiveSequence { ScheduledAt: null } sequence)
            {
                return sequence.Request.QueuedAt;
            }
        }
        return null;
    }
}
