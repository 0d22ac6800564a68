using KServePaged.Engine.Scheduling;

namespace KServePaged.Engine.Tests.Models;

/// <summary>All sequences in every step, as far as there is room, with the logits of their last tokens.</summary>
internal sealed class TogetherSchedule : ISchedule
{
    public void Fill(StepPlan plan, IReadOnlyList<Trace> pending)
    {
        foreach (Sequence sequence in pending.Select(trace => trace.Sequence))
        {
            int count = Math.Min(ModelRun.MaxBatchedTokens - plan.TokenCount, sequence.PendingLength);
            if (count > 0)
            {
                plan.Add(new ScheduledSequence(sequence, sequence.ComputedLength, count, 1, count == sequence.PendingLength));
            }
        }
    }
}
