namespace KServePaged.Engine.Scheduling;

/// <summary>
/// What one step computes, in batch order. Blocks for every planned token are in the sequences' tables when the plan is executed.
/// Reused from step to step, so that a step allocates nothing.
/// </summary>
internal sealed class StepPlan
{
    private readonly List<ScheduledSequence> _sequences = [];

    public int SequenceCount => _sequences.Count;

    public int TokenCount { get; private set; }

    public int LogitCount { get; private set; }

    /// <summary>Whether a sequence's next draw looks at the token that this step draws: then that must be known before the next step is begun.</summary>
    public bool FeedsPenalties
    {
        get
        {
            foreach (ScheduledSequence item in _sequences)
            {
                if (item.Samples && item.Sequence.Sampling.ReadsOutput)
                {
                    return true;
                }
            }
            return false;
        }
    }

    public ScheduledSequence this[int index] => _sequences[index];

    public void Add(ScheduledSequence item)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(item.TokenCount, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(item.LogitCount, item.TokenCount);
        _sequences.Add(item);
        TokenCount += item.TokenCount;
        LogitCount += item.LogitCount;
    }

    public void RemoveAt(int index)
    {
        TokenCount -= _sequences[index].TokenCount;
        LogitCount -= _sequences[index].LogitCount;
        _sequences.RemoveAt(index);
    }

    public void Clear()
    {
        _sequences.Clear();
        TokenCount = 0;
        LogitCount = 0;
    }
}
