using KServePaged.Engine.Scheduling;

namespace KServePaged.Engine.Execution;

/// <summary>All that the kernels of a step are launched by. Steps of one shape differ in what lies in device memory only.</summary>
/// <param name="Tokens">Rows of activations.</param>
/// <param name="Sequences">Rows of block tables.</param>
/// <param name="LogitRows">Rows of logits, and of what sampling returns.</param>
/// <param name="TableBlocks">Entries of a block table.</param>
/// <param name="MaxContext">At least the largest number of cached tokens of a sequence, this step's included.</param>
/// <param name="MaxTopLogprobs">Alternatives that a row of the result has room for.</param>
internal readonly record struct StepShape(int Tokens, int Sequences, int LogitRows, int TableBlocks, int MaxContext, int MaxTopLogprobs)
{
    /// <summary>The plan's own shape, with nothing to spare.</summary>
    public static StepShape Of(StepPlan plan, int blockTokens, int maxTopLogprobs)
    {
        int context = LongestContext(plan);
        return new(plan.TokenCount, plan.SequenceCount, plan.LogitCount, EnginePlan.BlocksFor(context, blockTokens), context, maxTopLogprobs);
    }

    /// <summary>The most cached tokens of a sequence after the step.</summary>
    public static int LongestContext(StepPlan plan)
    {
        int longest = 0;
        for (int i = 0; i < plan.SequenceCount; i++)
        {
            longest = Math.Max(longest, plan[i].Start + plan[i].TokenCount);
        }
        return longest;
    }
}
