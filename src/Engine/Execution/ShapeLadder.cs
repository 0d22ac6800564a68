using System.Numerics;
using KServePaged.Engine.Scheduling;

namespace KServePaged.Engine.Execution;

/// <summary>
/// The shapes that decode steps are rounded up to, so that few graphs serve them all. Rows: powers of two up to 8, then steps of 8 or an eighth
/// of the next power of two, so that few rows are computed for nothing. Contexts: powers of two; a kernel leaves at once where a context ends
/// earlier.
/// </summary>
/// <param name="mostRows">Sequences of the largest step.</param>
/// <param name="longestContext">Cached tokens of the longest sequence.</param>
/// <param name="blockTokens">Tokens per block.</param>
internal sealed class ShapeLadder(int mostRows, int longestContext, int blockTokens)
{
    private const int FewRows = 8;
    private const int ShortContext = 256;

    /// <returns>The rung of a step in which every sequence has one token and one row of logits; null for any other.</returns>
    public StepShape? RungOf(StepPlan plan, int maxTopLogprobs) =>
        plan.SequenceCount > 0 && plan.TokenCount == plan.SequenceCount && plan.LogitCount == plan.SequenceCount
            ? Rung(plan.SequenceCount, StepShape.LongestContext(plan), maxTopLogprobs)
            : null;

    /// <summary>The smallest rung that holds so many sequences of so many cached tokens.</summary>
    public StepShape Rung(int rows, int context, int maxTopLogprobs)
    {
        int rungRows = Math.Min(RowsFrom(rows), mostRows);
        int rungContext = Math.Min(PowerFrom(Math.Max(context, ShortContext)), longestContext);
        return new(rungRows, rungRows, rungRows, EnginePlan.BlocksFor(rungContext, blockTokens), rungContext, maxTopLogprobs);
    }

    /// <summary>How many rungs there are for one number of alternatives.</summary>
    public int RungCount
    {
        get
        {
            int rowRungs = Enumerable.Range(1, mostRows).Select(rows => Math.Min(RowsFrom(rows), mostRows)).Distinct().Count();
            return rowRungs * (1 + BitOperations.Log2((uint)Math.Max(1, PowerFrom(longestContext) / ShortContext)));
        }
    }

    private static int RowsFrom(int rows)
    {
        int power = PowerFrom(rows);
        int step = Math.Max(FewRows, power / FewRows);
        return power <= FewRows ? power : (rows + step - 1) / step * step;
    }

    private static int PowerFrom(int value) => (int)Math.Min(BitOperations.RoundUpToPowerOf2((uint)value), int.MaxValue);
}
