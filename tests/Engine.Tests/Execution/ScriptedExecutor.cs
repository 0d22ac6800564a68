using KServePaged.Engine.Execution;
using KServePaged.Engine.Scheduling;

namespace KServePaged.Engine.Tests.Execution;

/// <summary>
/// A model without a network: its next token is a hash of all tokens before it, read back through the block tables from a paged memory that
/// holds nothing but what steps wrote there. A block that is shared wrongly, overwritten or never computed changes the output.
/// </summary>
/// <param name="blockCount">Of the cache.</param>
/// <param name="blockTokens">Tokens per block.</param>
/// <param name="vocabulary">Ids.</param>
/// <param name="runsAhead">A step runs when it is waited for, over what its plan said when it was begun: as late as a device may be.</param>
internal sealed class ScriptedExecutor(int blockCount, int blockTokens, int vocabulary, bool runsAhead = false) : IStepExecutor
{
    private readonly int[] _memory = [.. Enumerable.Repeat(-1, blockCount * blockTokens)];
    private readonly Queue<Action> _underWay = new();
    private int[] _sampled = [];

    public bool RunsAhead => runsAhead;

    /// <summary>The most steps that were under way together.</summary>
    public int MostUnderWay { get; private set; }

    /// <summary>Pieces of preparation that were not asked for yet.</summary>
    public int PreparationsLeft { get; set; }

    public int StepCount { get; private set; }

    public int LargestTokenCount { get; private set; }

    public int LargestRowCount { get; private set; }

    /// <summary>Runs before each step; may throw to fail it.</summary>
    public Action<StepPlan>? BeforeStep { get; set; }

    /// <summary>Given the hash, the token; null = hash modulo vocabulary.</summary>
    public Func<Sequence, ulong, int>? Choose { get; set; }

    public void Begin(StepPlan plan, StepResult result)
    {
        if (!runsAhead)
        {
            BeforeStep?.Invoke(plan);
            Count(plan);
            result.RowCount = 0;
            for (int i = 0; i < plan.SequenceCount; i++)
            {
                Run(plan[i], plan[i].Sequence.Tokens, plan[i].Sequence.Blocks.Blocks, result);
            }
            return;
        }
        Enqueue(plan, result);
    }

    public void Complete()
    {
        if (runsAhead)
        {
            _underWay.Dequeue()();
        }
    }

    public bool Prepare() => PreparationsLeft > 0 && --PreparationsLeft >= 0;

    /// <summary>What the model makes of a prompt, computed without pages.</summary>
    public static int[] Reference(ReadOnlySpan<int> prompt, int count, int vocabulary, ulong seed)
    {
        ulong hash = Start(seed);
        foreach (int token in prompt)
        {
            hash = Mix(hash, token);
        }
        int[] output = new int[count];
        for (int i = 0; i < count; i++)
        {
            output[i] = (int)(hash % (ulong)vocabulary);
            hash = Mix(hash, output[i]);
        }
        return output;
    }

    /// <summary>The log-probability that the model reports for a token after <paramref name="before"/>.</summary>
    public static float LogprobAfter(ReadOnlySpan<int> before, ulong seed)
    {
        ulong hash = Start(seed);
        foreach (int token in before)
        {
            hash = Mix(hash, token);
        }
        return LogprobOf(hash);
    }

    private void Enqueue(StepPlan plan, StepResult result)
    {
        (ScheduledSequence Item, int[] Tokens, int[] Blocks)[] copies =
        [
            .. Enumerable.Range(0, plan.SequenceCount).Select(i => (plan[i], plan[i].Sequence.Tokens.ToArray(), plan[i].Sequence.Blocks.Blocks.ToArray())),
        ];
        _underWay.Enqueue(() =>
        {
            BeforeStep?.Invoke(plan);
            Count(plan);
            result.RowCount = 0;
            foreach ((ScheduledSequence item, int[] tokens, int[] blocks) in copies)
            {
                Run(item, tokens, blocks, result);
            }
            _sampled = result.Tokens[..result.RowCount];
        });
        MostUnderWay = Math.Max(MostUnderWay, _underWay.Count);
        Assert.True(_underWay.Count <= 2, "more than two steps are under way");
    }

    private void Count(StepPlan plan)
    {
        StepCount++;
        LargestTokenCount = Math.Max(LargestTokenCount, plan.TokenCount);
        LargestRowCount = Math.Max(LargestRowCount, plan.LogitCount);
    }

    private void Run(in ScheduledSequence item, ReadOnlySpan<int> tokens, ReadOnlySpan<int> blocks, StepResult result)
    {
        int end = item.Start + item.TokenCount;
        for (int p = item.Start; p < end; p++)
        {
            _memory[Slot(blocks, p)] = item.FedFrom >= 0 ? _sampled[item.FedFrom] : tokens[p];
        }
        for (int p = end - item.LogitCount; p < end; p++)
        {
            bool draws = item.Samples && p == end - 1;
            ulong hash = HashOf(blocks, p, item.Sequence.Sampling.Seed);
            int token = draws ? Choose?.Invoke(item.Sequence, hash) ?? (int)(hash % (ulong)vocabulary) : tokens[p + 1];
            Fill(result, result.RowCount++, token, hash);
        }
    }

    private static void Fill(StepResult result, int row, int token, ulong hash)
    {
        result.Tokens[row] = token;
        result.Logprobs[row] = LogprobOf(hash);
        result.Ranks[row] = 1 + (int)(hash % 7);
        for (int k = 0; k < result.MaxTopLogprobs; k++)
        {
            result.TopIds[row * result.MaxTopLogprobs + k] = k;
            result.TopLogprobs[row * result.MaxTopLogprobs + k] = LogprobOf(hash) - k;
        }
    }

    private static float LogprobOf(ulong hash) => -(float)(hash % 1000) / 128;

    private static ulong Start(ulong seed) => 0xcbf29ce484222325 ^ (seed * 0x9e3779b97f4a7c15);

    private static ulong Mix(ulong hash, int token)
    {
        hash = (hash ^ (uint)token) * 0x100000001b3;
        return hash ^ (hash >> 29);
    }

    private ulong HashOf(ReadOnlySpan<int> blocks, int last, ulong seed)
    {
        ulong hash = Start(seed);
        for (int p = 0; p <= last; p++)
        {
            hash = Mix(hash, _memory[Slot(blocks, p)]);
        }
        return hash;
    }

    private int Slot(ReadOnlySpan<int> blocks, int position) => blocks[position / blockTokens] * blockTokens + position % blockTokens;
}
