using KServePaged.Engine.KvCache;

namespace KServePaged.Engine.Scheduling;

/// <summary>
/// Chooses what each step computes: one token budget over running decodes, then running prompts, then waiting sequences, each in order of
/// arrival. While any sequence decodes, prompts get a small part of it, since decodes wait for the whole step. Blocks for the whole of a
/// sequence are taken when it is admitted, so that only decodes grow; when one cannot, the latest arrival gives its blocks back and is
/// computed again later. The oldest sequence therefore always advances, and nothing starves.
/// Deterministic; allocates nothing once its lists have grown. Engine thread only.
/// </summary>
internal sealed class Scheduler(SchedulingLimits limits, KvCacheManager cache)
{
    private readonly SequenceList _running = new();
    private readonly SequenceList _waiting = new();
    private int _tokensLeft;
    private int _rowsLeft;

    public int RunningCount => _running.Count;

    public int WaitingCount => _waiting.Count;

    /// <summary>Of the waiting, in order of arrival.</summary>
    public Sequence WaitingAt(int index) => _waiting[index];

    /// <summary>Of the waiting: outputs that wait until the first of their request has computed the prompt.</summary>
    public int DeferredCount
    {
        get
        {
            int count = 0;
            for (int i = 0; i < _waiting.Count; i++)
            {
                count += WaitsForLeader(_waiting[i]) ? 1 : 0;
            }
            return count;
        }
    }

    public bool IsIdle => RunningCount + WaitingCount == 0;

    /// <summary>Tokens to compute before every sequence has its next token.</summary>
    public long PendingTokens => Pending(_running) + Pending(_waiting);

    /// <summary>Times that a running sequence lost its blocks to an older one.</summary>
    public long PreemptionCount { get; private set; }

    /// <summary>A new sequence; it waits behind all that are here.</summary>
    public void Add(Sequence sequence)
    {
        if (cache.BlocksFor(sequence.MaxLength) > cache.Pool.BlockCount)
        {
            throw new ArgumentException($"{sequence.MaxLength} tokens do not fit into the whole cache.", nameof(sequence));
        }
        sequence.State = SequenceState.Waiting;
        _waiting.Add(sequence);
    }

    /// <summary>Takes an ended or aborted sequence out and frees its blocks, as soon as no step under way uses them.</summary>
    public void Remove(Sequence sequence)
    {
        if (sequence.State == SequenceState.Finished)
        {
            return;
        }
        ListOf(sequence).Remove(sequence);
        cache.Retire(sequence.Blocks);
        sequence.State = SequenceState.Finished;
    }

    /// <summary>Fills the plan of the next step and takes its blocks through <paramref name="reservation"/>.</summary>
    /// <returns>
    /// False: some sequence would have to give its blocks back first, which it cannot while a step under way uses them. Nothing is planned then.
    /// </returns>
    public bool Plan(StepPlan plan, KvReservation reservation)
    {
        plan.Clear();
        _tokensLeft = limits.MaxBatchedTokens;
        _rowsLeft = limits.MaxLogitRows;
        if (PlanDecodes(plan, reservation) is not { } preempted)
        {
            plan.Clear();
            return false;
        }
        if (plan.SequenceCount > 0)
        {
            // In proportion to all who want their next token, the first or another: many decodes take long anyway, and a crowd of prompts
            // would wait ever longer behind a few decodes.
            int sequences = Math.Min(RunningCount + WaitingCount, limits.MaxSequences);
            _tokensLeft = Math.Min(_tokensLeft, Math.Max(limits.MixedPromptTokens, 3 * sequences));
        }
        PlanPrompts(plan);
        // Whoever was admitted now would take the blocks that the preempted one needs to come back.
        if (!preempted)
        {
            Admit(plan, reservation);
        }
        return true;
    }

    /// <summary>The plan was begun: the next one is made as if it had run.</summary>
    public void Begin(StepPlan plan)
    {
        cache.BeginStep();
        int row = 0;
        for (int i = 0; i < plan.SequenceCount; i++)
        {
            ScheduledSequence item = plan[i];
            Sequence sequence = item.Sequence;
            row += item.LogitCount;
            sequence.ComputedLength = item.Start + item.TokenCount;
            sequence.ScoredLength = Math.Max(sequence.ScoredLength, Math.Min(sequence.ComputedLength, sequence.PromptLength));
            if (item.Samples)
            {
                sequence.Promise(row - 1);
            }
        }
    }

    /// <summary>The oldest plan that was begun has run: its tokens are computed, and their full blocks can be found.</summary>
    public void Commit(StepPlan plan)
    {
        for (int i = 0; i < plan.SequenceCount; i++)
        {
            ScheduledSequence item = plan[i];
            if (item.Sequence.State != SequenceState.Finished) // else it ended meanwhile
            {
                cache.Register(item.Sequence.Blocks, item.Sequence.Tokens, item.Start + item.TokenCount);
            }
        }
        cache.CompleteStep();
    }

    /// <summary>The plan failed and its reservation was given back: what it had admitted waits again.</summary>
    public void Rollback(StepPlan plan)
    {
        for (int i = 0; i < plan.SequenceCount; i++)
        {
            Sequence sequence = plan[i].Sequence;
            if (sequence.State == SequenceState.Running && sequence.Blocks.Count == 0)
            {
                PutBack(sequence);
            }
        }
        plan.Clear();
    }

    /// <returns>Whether any sequence lost its blocks; null where one would have to and cannot.</returns>
    private bool? PlanDecodes(StepPlan plan, KvReservation reservation)
    {
        bool preempted = false;
        for (int i = 0; i < _running.Count && _tokensLeft > 0 && _rowsLeft > 0; i++)
        {
            Sequence sequence = _running[i];
            if (sequence.PendingLength != 1 || sequence.IsEnding)
            {
                continue;
            }
            while (sequence.State == SequenceState.Running && !reservation.TryExtend(sequence.Blocks, sequence.ExpectedLength))
            {
                if (cache.StepsUnderWay > 0)
                {
                    return null;
                }
                // The last in the list stands at or behind this one, so it is in no plan yet.
                Preempt(_running.Last);
                preempted = true;
            }
            if (sequence.State == SequenceState.Running)
            {
                Schedule(plan, sequence);
            }
        }
        return preempted;
    }

    private void PlanPrompts(StepPlan plan)
    {
        for (int i = 0; i < _running.Count && _tokensLeft > 0 && _rowsLeft > 0; i++)
        {
            if (_running[i].PendingLength > 1)
            {
                Schedule(plan, _running[i]);
            }
        }
    }

    private void Admit(StepPlan plan, KvReservation reservation)
    {
        for (int i = 0; i < _waiting.Count && _running.Count < limits.MaxSequences && _tokensLeft > 0 && _rowsLeft > 0;)
        {
            Sequence sequence = _waiting[i];
            if (WaitsForLeader(sequence))
            {
                i++;
                continue;
            }
            int? cached = reservation.TryAdmit(
                sequence.Blocks, sequence.Tokens, sequence.MaxLength, SpareBlocks, usePrefix: !sequence.ScoresPrompt);
            if (cached is null)
            {
                return; // in order of arrival: smaller ones that came later must not keep a big prompt out
            }
            sequence.ComputedLength = cached.Value;
            sequence.CachedPromptLength ??= cached;
            sequence.State = SequenceState.Running;
            _waiting.Remove(sequence);
            _running.Add(sequence);
            Schedule(plan, sequence);
        }
    }

    // Room for one more block of each running sequence, and a hundredth of the pool: without it a sequence is admitted only to be preempted
    // by the next growth. A sequence that would be alone needs no such room.
    private int SpareBlocks => _running.Count == 0 ? 0 : Math.Max(_running.Count, cache.Pool.BlockCount / 100);

    private static bool WaitsForLeader(Sequence sequence) =>
        sequence.Leader is { State: not SequenceState.Finished } leader && leader.OutputLength == 0;

    private void Schedule(StepPlan plan, Sequence sequence)
    {
        int start = sequence.ComputedLength;
        int count = Math.Min(sequence.PendingLength, _tokensLeft);
        int firstRow = sequence.ScoresPrompt ? Math.Max(start, sequence.ScoredLength) : int.MaxValue;
        if (sequence.ScoresPrompt)
        {
            count = Math.Min(count, firstRow + _rowsLeft - start);
        }
        int end = start + count;
        bool samples = end == sequence.ExpectedLength;
        int rows = Math.Max(samples ? 1 : 0, Math.Min(end, sequence.PromptLength) - firstRow);
        plan.Add(new ScheduledSequence(sequence, start, count, rows, samples, sequence.PromisedCount > 0 ? sequence.PromisedRow : -1));
        _tokensLeft -= count;
        _rowsLeft -= rows;
    }

    private void Preempt(Sequence sequence)
    {
        cache.Release(sequence.Blocks);
        PutBack(sequence);
        PreemptionCount++;
    }

    private void PutBack(Sequence sequence)
    {
        _running.Remove(sequence);
        sequence.ComputedLength = 0;
        sequence.State = SequenceState.Waiting;
        _waiting.Add(sequence);
    }

    private SequenceList ListOf(Sequence sequence) => sequence.State == SequenceState.Running ? _running : _waiting;

    // A decode's own next token is no backlog.
    private static long Pending(SequenceList sequences)
    {
        long tokens = 0;
        for (int i = 0; i < sequences.Count; i++)
        {
            tokens += sequences[i].PendingLength > 1 ? sequences[i].PendingLength : 0;
        }
        return tokens;
    }
}
