using KServePaged.Engine.Scheduling;

namespace KServePaged.Engine.Tests.Models;

/// <summary>One sequence after the other, in chunks of at most so many tokens, with the logits of every token.</summary>
internal sealed class AloneSchedule(int chunk = int.MaxValue) : ISchedule
{
    public void Fill(StepPlan plan, IReadOnlyList<Trace> pending)
    {
        Sequence sequence = pending[0].Sequence;
        int count = Math.Min(Math.Min(chunk, ModelRun.MaxBatchedTokens), sequence.PendingLength);
        plan.Add(new ScheduledSequence(sequence, sequence.ComputedLength, count, count, count == sequence.PendingLength));
    }
}
