using KServePaged.Engine.Contracts;
using KServePaged.Engine.KvCache;
using KServePaged.Engine.Scheduling;
using KServePaged.Engine.Tests.Execution;

namespace KServePaged.Engine.Tests.Scheduling;

public sealed class SchedulerTests
{
    [Fact]
    public void Plan_WhenAPromptExceedsTheBudget_CutsItIntoChunks()
    {
        var run = new SchedulerRun(16, 4, new SchedulingLimits(4, 6, 4));
        run.Add(New(1, 14, 2));
        Assert.Equal(["1: 0+6"], PlanOf(run));
        Assert.Equal(["1: 6+6"], PlanOf(run));
        Assert.Equal(["1: 12+2 draws"], PlanOf(run));
        Assert.Equal(["1: 14+1 draws"], PlanOf(run));
        Assert.True(run.Scheduler.IsIdle);
    }

    [Fact]
    public void Plan_WhenOthersDecode_GivesPromptsWhatIsLeft()
    {
        var run = new SchedulerRun(32, 4, new SchedulingLimits(4, 6, 4));
        run.Add(New(1, 3, 9));
        run.Add(New(2, 3, 9));
        Assert.Equal(["1: 0+3 draws", "2: 0+3 draws"], PlanOf(run));
        run.Add(New(3, 10, 2));
        Assert.Equal(["1: 3+1 draws", "2: 3+1 draws", "3: 0+4"], PlanOf(run));
        Assert.Equal(["1: 4+1 draws", "2: 4+1 draws", "3: 4+4"], PlanOf(run));
        Assert.Equal(["1: 5+1 draws", "2: 5+1 draws", "3: 8+2 draws"], PlanOf(run));
    }

    [Fact]
    public void Plan_WhileOthersDecode_GivesPromptsAtMostTheirPart()
    {
        var run = new SchedulerRun(64, 4, new SchedulingLimits(4, 100, 4) { MixedPromptTokens = 10 });
        run.Add(New(1, 20, 4));
        Assert.Equal(["1: 0+20 draws"], PlanOf(run)); // nobody waits for this step
        run.Add(New(2, 24, 9));
        run.Add(New(3, 60, 9));
        Assert.Equal(["1: 20+1 draws", "2: 0+10"], PlanOf(run));
        Assert.Equal(["1: 21+1 draws", "2: 10+10"], PlanOf(run));
        Assert.Equal(["1: 22+1 draws", "2: 20+4 draws", "3: 0+6"], PlanOf(run)); // in order of arrival
        Assert.Equal(["2: 24+1 draws", "3: 6+10"], PlanOf(run));
        run.Abort(run.Live[0]);
        Assert.Equal(["3: 16+44 draws"], PlanOf(run)); // nobody decodes any more
    }

    [Fact]
    public void Plan_WhileManyDecode_GivesPromptsThreeTokensForEachSequence()
    {
        var run = new SchedulerRun(64, 4, new SchedulingLimits(8, 100, 8) { MixedPromptTokens = 5 });
        for (int id = 1; id <= 3; id++)
        {
            run.Add(New(id, 2, 3));
        }
        Assert.Equal(["1: 0+2 draws", "2: 0+2 draws", "3: 0+2 draws"], PlanOf(run));
        run.Add(New(4, 40, 2));
        Assert.Equal(["1: 2+1 draws", "2: 2+1 draws", "3: 2+1 draws", "4: 0+12"], PlanOf(run));
    }

    [Fact]
    public void Plan_WhileACrowdWaitsBehindOneDecode_CountsAsManyAsMayRun()
    {
        var run = new SchedulerRun(256, 4, new SchedulingLimits(8, 100, 8) { MixedPromptTokens = 5 });
        run.Add(New(1, 2, 3));
        Assert.Equal(["1: 0+2 draws"], PlanOf(run));
        for (int id = 2; id <= 12; id++)
        {
            run.Add(New(id, 20, 2));
        }
        Assert.Equal(["1: 2+1 draws", "2: 0+20 draws", "3: 0+4"], PlanOf(run));
    }

    [Fact]
    public void Plan_WhenTheBudgetIsSmallerThanThePromptsPart_KeepsTheBudget()
    {
        var run = new SchedulerRun(64, 4, new SchedulingLimits(4, 6, 4) { MixedPromptTokens = 50 });
        run.Add(New(1, 4, 4));
        Assert.Equal(["1: 0+4 draws"], PlanOf(run));
        run.Add(New(2, 12, 9));
        Assert.Equal(["1: 4+1 draws", "2: 0+5"], PlanOf(run));
    }

    [Fact]
    public void Plan_AtTheLimitOfSequences_LetsOthersWaitInOrder()
    {
        var run = new SchedulerRun(32, 4, new SchedulingLimits(2, 100, 4));
        for (int id = 1; id <= 4; id++)
        {
            run.Add(New(id, 4, id == 1 ? 1 : 3));
        }
        Assert.Equal(["1: 0+4 draws", "2: 0+4 draws"], PlanOf(run));
        Assert.Equal(["2: 4+1 draws", "3: 0+4 draws"], PlanOf(run));
    }

    [Fact]
    public void Plan_WhenTheHeadDoesNotFit_LetsNobodyPass()
    {
        var run = new SchedulerRun(8, 4, new SchedulingLimits(8, 100, 8));
        run.Add(New(1, 20, 4));
        run.Add(New(2, 16, 4));
        run.Add(New(3, 4, 4));
        Assert.Equal(["1: 0+20 draws"], PlanOf(run));
        Assert.Equal(["1: 20+1 draws"], PlanOf(run));
        Assert.Equal(2, run.Scheduler.WaitingCount);
        run.RunToEnd();
        Assert.Equal(0, run.Scheduler.PreemptionCount);
    }

    [Fact]
    public void Plan_WhenADecodeFindsNoBlock_PreemptsTheLatestArrivalAndAdmitsNobody()
    {
        var run = new SchedulerRun(5, 4, new SchedulingLimits(8, 100, 8));
        run.Add(New(1, 8, 12));
        run.Add(New(2, 4, 12));
        Assert.Equal(["1: 0+8 draws", "2: 0+4 draws"], PlanOf(run));
        run.Add(New(3, 1, 1));
        Assert.Equal(["1: 8+1 draws", "2: 4+1 draws"], PlanOf(run));
        Step(run, 3);
        Assert.Equal(["1: 12+1 draws"], PlanOf(run));
        Assert.Equal(1, run.Scheduler.PreemptionCount);
        Assert.Equal(SequenceState.Waiting, run.Live[1].State);
        Assert.Equal(0, run.Live[1].ComputedLength);
    }

    [Fact]
    public void Plan_AfterAPreemption_ComputesTheSequenceAgainAndGoesOn()
    {
        var run = new SchedulerRun(5, 4, new SchedulingLimits(8, 100, 8));
        Sequence older = New(1, 7, 13);
        Sequence younger = New(2, 4, 12);
        run.Add(older);
        run.Add(younger);
        run.RunToEnd();
        Assert.Equal(1, run.Scheduler.PreemptionCount);
        AssertOutput(older);
        AssertOutput(younger);
    }

    [Fact]
    public void Plan_WhileTheLeaderComputesThePrompt_HoldsItsFollowersBack()
    {
        var run = new SchedulerRun(32, 4, new SchedulingLimits(8, 6, 8));
        UInt128 root = run.Cache.Hasher.PrivateRoot(1);
        int[] prompt = Prompt(10, 1);
        Sequence leader = SchedulerRun.NewSequence(1, prompt, 6, root);
        Sequence follower = SchedulerRun.NewSequence(2, prompt, 6, root, leader, seed: 1);
        run.Add(leader);
        run.Add(follower);
        run.Add(New(3, 2, 4));
        Assert.Equal(["1: 0+6"], PlanOf(run));
        Assert.Equal(["1: 6+4 draws", "3: 0+2 draws"], PlanOf(run));
        Assert.Equal(["1: 10+1 draws", "3: 2+1 draws", "2: 8+2 draws"], PlanOf(run));
        Assert.Equal(leader.Blocks.Blocks[..2].ToArray(), follower.Blocks.Blocks[..2].ToArray());
        run.RunToEnd();
        AssertOutput(leader);
        AssertOutput(follower);
    }

    [Fact]
    public void Remove_OfALeaderThatNeverRan_LetsItsFollowersGo()
    {
        var run = new SchedulerRun(32, 4, new SchedulingLimits(8, 6, 8));
        int[] prompt = Prompt(10, 1);
        Sequence leader = SchedulerRun.NewSequence(1, prompt, 6);
        Sequence follower = SchedulerRun.NewSequence(2, prompt, 6, leader: leader);
        run.Add(leader);
        run.Add(follower);
        run.Abort(leader);
        run.RunToEnd();
        AssertOutput(follower);
    }

    [Fact]
    public void Plan_WhenAPromptIsScored_KeepsTheRowLimitAndReadsNoPrefix()
    {
        var run = new SchedulerRun(32, 4, new SchedulingLimits(8, 100, 5));
        UInt128 root = run.Cache.Hasher.Root(null);
        int[] prompt = Prompt(12, 1);
        run.Add(SchedulerRun.NewSequence(1, prompt, 2, root));
        run.RunToEnd();

        run.Add(SchedulerRun.NewSequence(2, prompt, 3, root, scores: true));
        Assert.Equal(["2: 0+5 5 rows"], PlanOf(run));
        Assert.Equal(["2: 5+5 5 rows"], PlanOf(run));
        Assert.Equal(["2: 10+2 2 rows draws"], PlanOf(run));
        Assert.Equal(["2: 12+1 draws"], PlanOf(run));
        run.RunToEnd();
        AssertScores(run, 2, prompt);
    }

    [Fact]
    public void Rollback_AfterAFailedStep_LetsTheStepBeRunAgain()
    {
        var run = new SchedulerRun(16, 4, new SchedulingLimits(8, 100, 8));
        Sequence running = New(1, 8, 6);
        run.Add(running);
        run.Step();
        Sequence admitted = New(2, 9, 3);
        run.Add(admitted);
        using (KvReservation reservation = run.Cache.Reserve())
        {
            run.Scheduler.Plan(run.Plan, reservation);
            Assert.Equal(2, run.Plan.SequenceCount);
        }
        run.Scheduler.Rollback(run.Plan);
        Assert.Equal(SequenceState.Waiting, admitted.State);
        Assert.Equal(2, run.Cache.Pool.UsedCount);
        run.RunToEnd();
        AssertOutput(running);
        AssertOutput(admitted);
    }

    [Fact]
    public void Add_OfASequenceThatTheCacheCanNeverHold_Throws()
    {
        var run = new SchedulerRun(4, 4, new SchedulingLimits(8, 100, 8));
        Assert.Throws<ArgumentException>(() => run.Scheduler.Add(New(1, 8, 9)));
    }

    [Fact]
    public void Plan_InSteadyDecode_AllocatesNothing()
    {
        var run = new SchedulerRun(512, 4, new SchedulingLimits(8, 100, 8));
        for (int id = 1; id <= 8; id++)
        {
            run.Add(SchedulerRun.NewSequence(id, Prompt(5 + id, id), 200, run.Cache.Hasher.Root(null)));
        }
        run.Step();
        run.Step();
        var result = new KServePaged.Engine.Execution.StepResult(8, 0);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 150; i++)
        {
            using KvReservation reservation = run.Cache.Reserve();
            run.Scheduler.Plan(run.Plan, reservation);
            run.Model.Begin(run.Plan, result);
            run.Model.Complete();
            reservation.Commit();
            run.Scheduler.Begin(run.Plan);
            run.Scheduler.Commit(run.Plan);
            for (int s = 0; s < run.Plan.SequenceCount; s++)
            {
                run.Plan[s].Sequence.Append(result.Tokens[s]);
            }
        }
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static void Step(SchedulerRun run, int count)
    {
        for (int i = 0; i < count; i++)
        {
            run.Step();
        }
    }

    private static int[] Prompt(int length, int seed) => [.. Enumerable.Range(0, length).Select(i => (seed * 31 + i * 7) % SchedulerRun.Vocabulary)];

    private static Sequence New(long id, int promptLength, int maxOutput) =>
        SchedulerRun.NewSequence(id, Prompt(promptLength, (int)id), maxOutput);

    private static void AssertOutput(Sequence sequence)
    {
        int[] expected = ScriptedExecutor.Reference(
            sequence.Tokens[..sequence.PromptLength], sequence.OutputLength, SchedulerRun.Vocabulary, sequence.Sampling.Seed);
        Assert.Equal(sequence.MaxLength, sequence.Length);
        Assert.Equal(expected, sequence.Tokens[sequence.PromptLength..].ToArray());
    }

    private static void AssertScores(SchedulerRun run, long id, int[] prompt)
    {
        var expected = Enumerable.Range(1, prompt.Length - 1).Select(i => ScriptedExecutor.LogprobAfter(prompt.AsSpan(0, i), 0));
        Assert.Equal(expected, run.Scores[id]);
    }

    private static string[] PlanOf(SchedulerRun run)
    {
        run.Step();
        return
        [
            .. Enumerable.Range(0, run.Plan.SequenceCount).Select(i => run.Plan[i]).Select(item =>
                $"{item.Sequence.Id}: {item.Start}+{item.TokenCount}" + (item.LogitCount > 1 ? $" {item.LogitCount} rows" : "") +
                (item.Samples ? " draws" : "")),
        ];
    }
}
