using KServePaged.Engine.Execution;
using KServePaged.Engine.Scheduling;

namespace KServePaged.Engine.Tests.Execution;

/// <summary>
/// A model without a network: its next token is a hash of all tokens before it, read back through the block tables from a paged memory that
/// holds nothing but what steps wrote there. A block that is shared wrongly, overwritten or never computed changes the output.
/// </summary>
internal sealed class ScriptedExecutor(int blockCount, int blockTokens, int vocabulary) : IStepExecutor
{
    private readonly int[] _memory = [.. Enumerable.Repeat(-1, blockCount * blockTokens)];

    public int StepCount { get; private set; }

    public int LargestTokenCount { get; private set; }

    public int LargestRowCount { get; private set; }

    /// <summary>Runs before each step; may throw to fail it.</summary>
    public Action<StepPlan>? BeforeStep { get; set; }

    /// <summary>Given the hash, the token; null = hash modulo vocabulary.</summary>
    public Func<Sequence, ulong, int>? Choose { get; set; }

    public void Execute(StepPlan plan, StepResult result)
    {
        BeforeStep?.Invoke(plan);
        StepCount++;
        LargestTokenCount = Math.Max(LargestTokenCount, plan.TokenCount);
        LargestRowCount = Math.Max(LargestRowCount, plan.LogitCount);
        int row = 0;
        for (int i = 0; i < plan.SequenceCount; i++)
        {
            ScheduledSequence item = plan[i];
            ReadOnlySpan<int> tokens = item.Sequence.Tokens;
            ReadOnlySpan<int> blocks = item.Sequence.Blocks.Blocks;
            int end = item.Start + item.TokenCount;
            for (int p = item.Start; p < end; p++)
            {
                _memory[Slot(blocks, p)] = tokens[p];
            }
            for (int p = end - item.LogitCount; p < end; p++)
            {
                bool draws = item.Samples && p == end - 1;
                ulong hash = HashOf(blocks, p, item.Sequence.Sampling.Seed);
                int token = draws ? Choose?.Invoke(item.Sequence, hash) ?? (int)(hash % (ulong)vocabulary) : tokens[p + 1];
                Fill(result, row++, token, hash);
            }
        }
        result.RowCount = row;
    }

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
