namespace KServePaged.Engine.Execution;

/// <summary>
/// What a step returns: one row for each wanted logit row, in plan order (a sequence's rows side by side, the sampling row last).
/// Arrays are sized once; rows beyond <see cref="RowCount"/> are stale.
/// </summary>
internal sealed class StepResult(int maxRows, int maxTopLogprobs)
{
    public int RowCount { get; set; }

    /// <summary>Alternatives a row has room for.</summary>
    public int MaxTopLogprobs { get; } = maxTopLogprobs;

    /// <summary>Chosen (or scored) id; -1 where the logits held no finite number: that sequence must fail, others are not affected.</summary>
    public int[] Tokens { get; } = new int[maxRows];

    public float[] Logprobs { get; } = new float[maxRows];

    public int[] Ranks { get; } = new int[maxRows];

    /// <summary>[row * MaxTopLogprobs + i], best first.</summary>
    public int[] TopIds { get; } = new int[maxRows * maxTopLogprobs];

    public float[] TopLogprobs { get; } = new float[maxRows * maxTopLogprobs];
}
