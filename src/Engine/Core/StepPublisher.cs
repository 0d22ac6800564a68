using KServePaged.Engine.Contracts;
using KServePaged.Engine.Execution;
using KServePaged.Engine.Scheduling;

namespace KServePaged.Engine.Core;

/// <summary>Hands out what steps bring. Engine thread only.</summary>
/// <param name="inbox">Told of requests that wait no longer.</param>
/// <param name="journal">Told of everything.</param>
/// <param name="end">Ends a sequence, whose reader was told.</param>
internal sealed class StepPublisher(Inbox inbox, SequenceJournal journal, Action<LiveSequence, FinishReason> end)
{
    /// <summary>The step was begun: who is in one for the first time waits no longer.</summary>
    public void Begin(StepPlan plan)
    {
        for (int i = 0; i < plan.SequenceCount; i++)
        {
            if (plan[i].Sequence is LiveSequence { ScheduledAt: null } sequence)
            {
                Start(sequence);
            }
        }
    }

    /// <summary>The step has run: its tokens go to their readers, and what they end is ended.</summary>
    public void Complete(CoreStep step)
    {
        int row = 0;
        for (int i = 0; i < step.Plan.SequenceCount; i++)
        {
            ScheduledSequence item = step.Plan[i];
            if (item.Sequence.State != SequenceState.Finished) // else it ended while the step was under way
            {
                Publish(item, step.Result, row);
            }
            row += item.LogitCount;
        }
        journal.Completed(step.Plan.TokenCount, step.Plan.SequenceCount);
    }

    private void Publish(in ScheduledSequence item, StepResult result, int row)
    {
        var sequence = (LiveSequence)item.Sequence;
        journal.Computed(sequence, item.Start, item.Start + item.TokenCount);
        if (result.Tokens.AsSpan(row, item.LogitCount).Contains(-1))
        {
            journal.Corrupted();
            sequence.Request.Output.End(sequence.OutputIndex, FinishReason.Error);
            end(sequence, FinishReason.Error);
            return;
        }
        for (int last = row + item.LogitCount - (item.Samples ? 1 : 0); row < last; row++)
        {
            Put(sequence, result, row, sequence.PromptTopLogprobs, isPrompt: true, finish: null);
        }
        if (item.Samples)
        {
            Append(sequence, result, row);
        }
    }

    private void Start(LiveSequence sequence)
    {
        if (!sequence.Request.HasStarted)
        {
            sequence.Request.HasStarted = true;
            inbox.LeaveQueue();
        }
        int cached = sequence.CachedPromptLength ?? 0;
        TimeSpan queueTime = journal.Scheduled(sequence, cached);
        if (sequence.OutputIndex == 0)
        {
            sequence.Request.Output.Begin(cached, queueTime);
        }
    }

    private void Append(LiveSequence sequence, StepResult result, int row)
    {
        FinishReason? finish = sequence.Append(result.Tokens[row]);
        journal.Token(sequence);
        Put(sequence, result, row, sequence.TopLogprobs, isPrompt: false, finish);
        if (finish is { } reason)
        {
            end(sequence, reason);
        }
    }

    private void Put(LiveSequence sequence, StepResult result, int row, int topCount, bool isPrompt, FinishReason? finish)
    {
        topCount = Math.Max(topCount, 0);
        int first = row * result.MaxTopLogprobs;
        var record = new OutputRecord(
            sequence.OutputIndex, result.Tokens[row], result.Logprobs[row], result.Ranks[row], topCount, isPrompt, finish);
        sequence.Request.Output.Add(record, result.TopIds.AsSpan(first, topCount), result.TopLogprobs.AsSpan(first, topCount), journal.Now);
    }
}
