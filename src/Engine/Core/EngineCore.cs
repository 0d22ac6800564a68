using KServePaged.Engine.Contracts;
using KServePaged.Engine.Diagnostics;
using KServePaged.Engine.Execution;
using KServePaged.Engine.KvCache;
using KServePaged.Engine.Scheduling;

namespace KServePaged.Engine.Core;

/// <summary>
/// The step loop's body. Owns scheduler, cache and executor; everything runs on the engine thread, but for <see cref="Statistics"/>.
/// On a device that works while the host does something else, the next step is planned and begun before the tokens of the one under way are
/// known; whoever ends with them has computed one token for nothing. A steady step allocates nothing.
/// </summary>
internal sealed class EngineCore
{
    private readonly IStepExecutor _executor;
    private readonly KvCacheManager _cache;
    private readonly Scheduler _scheduler;
    private readonly Inbox _inbox;
    private readonly SequenceJournal _journal;
    private readonly StepPublisher _publisher;
    private readonly CoreStep[] _steps;
    private readonly List<CoreRequest> _live = [];
    private readonly List<CoreRequest> _arrivals = [];
    private readonly List<RequestEnding> _endings = [];
    private readonly Lock _statisticsGate = new();
    private EngineStatistics _statistics;
    private StepLedger _ledger;
    private long _begunCount;
    private long _completeCount;
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
        _publisher = new StepPublisher(inbox, _journal, End);
        _steps = [.. Enumerable.Range(0, executor.RunsAhead ? 2 : 1).Select(_ => new CoreStep(new StepResult(limits.MaxLogitRows, maxTopLogprobs)))];
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

    private int UnderWayCount => (int)(_begunCount - _completeCount);

    private CoreStep Oldest => _steps[_completeCount % _steps.Length];

    private CoreStep Next => _steps[_begunCount % _steps.Length];

    /// <summary>Takes the mail, begins what the scheduler chose, and hands out what came of the step before, or of this one where the device does not run ahead.</summary>
    /// <returns>False when nothing is left to do until mail comes.</returns>
    /// <exception cref="Exception">
    /// The executor failed. The step that was to be begun is undone; what happens to the requests is the caller's decision.
    /// </exception>
    public bool Step()
    {
        _journal.BeginStep();
        Drain();
        long preemptions = _scheduler.PreemptionCount;
        if (UnderWayCount > 0 && Oldest.Plan.FeedsPenalties)
        {
            Complete();
        }
        bool begun = Begin();
        while (UnderWayCount > (begun && _executor.RunsAhead ? 1 : 0))
        {
            Complete();
        }
        _journal.EndStep(_scheduler.PreemptionCount - preemptions);
        UpdateStatistics();
        return UnderWayCount > 0 || !_scheduler.IsIdle;
    }

    /// <summary>Does a piece of what makes later steps faster, while there is nothing else to do.</summary>
    /// <returns>False when there is nothing of that either.</returns>
    public bool Prepare() => _executor.Prepare();

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
        Abandon(isBroken: failure is not null);
        while (_live.Count > 0)
        {
            End(_live[^1], outputIndex: null, reason);
        }
        UpdateStatistics();
    }

    // A device that failed is waited for no more.
    private void Abandon(bool isBroken)
    {
        for (; UnderWayCount > 0; _completeCount++)
        {
            if (!isBroken)
            {
                _executor.Complete();
            }
            _cache.CompleteStep();
        }
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

    /// <summary>Plans a step and begins it.</summary>
    /// <returns>False when there is nothing to compute.</returns>
    private bool Begin()
    {
        if (!TryBegin())
        {
            Complete(); // whose blocks are needed cannot give them back before
            TryBegin();
        }
        if (Next.Plan.SequenceCount == 0)
        {
            return false;
        }
        _scheduler.Begin(Next.Plan);
        _publisher.Begin(Next.Plan);
        _begunCount++;
        if (_scheduler.WaitingCount == 0)
        {
            _executor.Prepare();
        }
        return true;
    }

    /// <returns>False when the step under way must be complete first.</returns>
    private bool TryBegin()
    {
        _journal.BeginPlan();
        CoreStep step = Next;
        try
        {
            using KvReservation reservation = _cache.Reserve();
            if (!_scheduler.Plan(step.Plan, reservation))
            {
                return false;
            }
            _journal.BeginExecute();
            if (step.Plan.SequenceCount > 0)
            {
                _executor.Begin(step.Plan, step.Result);
            }
            reservation.Commit();
            return true;
        }
        catch
        {
            _scheduler.Rollback(step.Plan);
            throw;
        }
    }

    private void Complete()
    {
        CoreStep step = Oldest;
        _journal.BeginExecute();
        _executor.Complete();
        _completeCount++;
        _journal.BeginPublish();
        _scheduler.Commit(step.Plan);
        _publisher.Complete(step);
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
