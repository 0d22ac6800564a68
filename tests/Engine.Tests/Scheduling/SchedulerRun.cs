using KServePaged.Engine.Contracts;
using KServePaged.Engine.Execution;
using KServePaged.Engine.KvCache;
using KServePaged.Engine.Sampling;
using KServePaged.Engine.Scheduling;
using KServePaged.Engine.Tests.Execution;

namespace KServePaged.Engine.Tests.Scheduling;

/// <summary>Scheduler, cache and scripted model in one loop, with every invariant checked after every step.</summary>
internal sealed class SchedulerRun
{
    public const int Vocabulary = 97;
    private readonly SchedulingLimits _limits;
    private readonly KvCacheInvariants _invariants;
    private readonly StepResult _result;

    public SchedulerRun(int blockCount, int blockTokens, SchedulingLimits limits)
    {
        _limits = limits;
        Cache = new KvCacheManager(blockCount, blockTokens, new UInt128(1, 2));
        Scheduler = new Scheduler(limits, Cache);
        Model = new ScriptedExecutor(blockCount, blockTokens, Vocabulary);
        _invariants = new KvCacheInvariants(Cache);
        _result = new StepResult(Math.Max(1, limits.MaxLogitRows), 0);
    }

    public KvCacheManager Cache { get; }

    public Scheduler Scheduler { get; }

    public ScriptedExecutor Model { get; }

    public StepPlan Plan { get; } = new();

    /// <summary>Sequences that are waiting or running.</summary>
    public List<Sequence> Live { get; } = [];

    /// <summary>Log-probabilities of prompt tokens, by sequence, in the order in which they came.</summary>
    public Dictionary<long, List<float>> Scores { get; } = [];

    public static Sequence NewSequence(
        long id, int[] prompt, int maxOutput, UInt128? chainRoot = null, Sequence? leader = null, bool scores = false, ulong seed = 0) =>
        new(id, prompt, prompt.Length + maxOutput, new SequenceSampling(new SamplingParameters(), seed, Vocabulary, []))
        {
            Blocks = new BlockTable { ChainRoot = chainRoot },
            Leader = leader,
            ScoresPrompt = scores,
        };

    public void Add(Sequence sequence)
    {
        Scheduler.Add(sequence);
        Live.Add(sequence);
    }

    public void Abort(Sequence sequence)
    {
        Scheduler.Remove(sequence);
        Live.Remove(sequence);
        CheckInvariants();
    }

    /// <returns>Whether anything was computed.</returns>
    public bool Step()
    {
        int sequences = Math.Min(Live.Count, _limits.MaxSequences);
        HashSet<Sequence> decodes = [.. Live.Where(sequence => sequence is { State: SequenceState.Running, PendingLength: 1 })];
        using (KvReservation reservation = Cache.Reserve())
        {
            Scheduler.Plan(Plan, reservation);
            CheckPlan(decodes, sequences);
            Model.Begin(Plan, _result);
            reservation.Commit();
        }
        Scheduler.Begin(Plan);
        Model.Complete();
        Scheduler.Commit(Plan);
        int row = 0;
        for (int i = 0; i < Plan.SequenceCount; i++)
        {
            Take(Plan[i], ref row);
        }
        CheckInvariants();
        return Plan.SequenceCount > 0;
    }

    public void RunToEnd(int mostSteps = 100_000)
    {
        while (!Scheduler.IsIdle)
        {
            Assert.True(mostSteps-- > 0, "the scheduler makes no progress");
            Assert.True(Step() || Scheduler.RunningCount == 0);
        }
    }

    private void Take(ScheduledSequence item, ref int row)
    {
        int scored = item.LogitCount - (item.Samples ? 1 : 0);
        for (int i = 0; i < scored; i++)
        {
            if (!Scores.TryGetValue(item.Sequence.Id, out List<float>? scores))
            {
                Scores[item.Sequence.Id] = scores = [];
            }
            scores.Add(_result.Logprobs[row++]);
        }
        if (item.Samples && item.Sequence.Append(_result.Tokens[row++]) is not null)
        {
            Scheduler.Remove(item.Sequence);
            Live.Remove(item.Sequence);
        }
    }

    private void CheckPlan(HashSet<Sequence> decodes, int sequences)
    {
        int decoded = Enumerable.Range(0, Plan.SequenceCount).Count(i => decodes.Contains(Plan[i].Sequence));
        Assert.True(decoded == 0 || Plan.TokenCount - decoded <= Math.Max(_limits.MixedPromptTokens, 3 * sequences));
        Assert.True(Plan.TokenCount <= _limits.MaxBatchedTokens);
        Assert.True(Plan.LogitCount <= _limits.MaxLogitRows);
        Assert.True(Scheduler.RunningCount <= _limits.MaxSequences);
        var seen = new HashSet<long>();
        for (int i = 0; i < Plan.SequenceCount; i++)
        {
            ScheduledSequence item = Plan[i];
            Assert.True(seen.Add(item.Sequence.Id), "a sequence is planned twice");
            Assert.Equal(SequenceState.Running, item.Sequence.State);
            Assert.Equal(item.Sequence.ComputedLength, item.Start);
            Assert.True(item.Sequence.Blocks.Count >= Cache.BlocksFor(item.Start + item.TokenCount));
        }
    }

    private void CheckInvariants()
    {
        foreach (Sequence sequence in Live)
        {
            Assert.Equal(sequence.State == SequenceState.Running, sequence.Blocks.Count > 0);
            _invariants.Add(sequence.Blocks, sequence.Tokens, sequence.ComputedLength);
        }
        _invariants.Verify();
        Assert.Equal(Live.Count, Scheduler.RunningCount + Scheduler.WaitingCount);
    }
}
