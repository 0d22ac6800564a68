using KServePaged.Engine.Scheduling;

namespace KServePaged.Engine.Tests.Models;

/// <summary>
/// Random sequences together, in random order and random chunks, with the logits of a random number of their last tokens; now and then one
/// is preempted, that is computed again from its start.
/// </summary>
internal sealed class RandomSchedule(int seed) : ISchedule
{
    private readonly Random _random = new(seed);

    public void Fill(StepPlan plan, IReadOnlyList<Trace> pending)
    {
        Trace[] shuffled = [.. pending.Take(ModelRun.MaxSequences)]; // as many as the pool has blocks for
        _random.Shuffle(shuffled);
        foreach (Trace trace in shuffled.Take(_random.Next(1, shuffled.Length + 1)))
        {
            int room = ModelRun.MaxBatchedTokens - plan.TokenCount;
            if (room == 0)
            {
                return;
            }
            if (_random.Next(25) == 0)
            {
                trace.Sequence.ComputedLength = 0;
            }
            int most = Math.Min(trace.Sequence.PendingLength, room);
            int count = _random.Next(3) == 0 ? most : _random.Next(1, most + 1);
            bool samples = count == trace.Sequence.PendingLength;
            int logits = _random.Next(samples ? 1 : 0, count + 1);
            plan.Add(new ScheduledSequence(trace.Sequence, trace.Sequence.ComputedLength, count, logits, samples));
        }
    }
}
