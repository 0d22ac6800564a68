using KServePaged.Engine.Contracts;
using KServePaged.Engine.Core;
using KServePaged.Engine.Scheduling;
using KServePaged.Engine.Tests.Execution;

namespace KServePaged.Engine.Tests.Core;

public sealed class EngineCoreTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Step_UntilIdle_PutsOutEachTokenOnceAndFreesTheBlocks(bool runsAhead)
    {
        using var rig = new CoreRig(runsAhead: runsAhead);
        CoreRequest request = rig.Submit(CoreRig.Prompt(9), 7);
        rig.RunToEnd();
        List<OutputRecord> records = CoreRig.Read(request);
        Assert.Equal(ScriptedExecutor.Reference(CoreRig.Prompt(9), 7, CoreRig.Vocabulary, 0), CoreRig.TokensOf(records));
        Assert.Equal(FinishReason.Length, records[^1].Finish);
        Assert.All(records.SkipLast(1), record => Assert.Null(record.Finish));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Step_WhenAnEndTokenComes_StopsWithIt(bool runsAhead)
    {
        int[] expected = ScriptedExecutor.Reference(CoreRig.Prompt(5), 20, CoreRig.Vocabulary, 0);
        int end = expected[3];
        int[] upToEnd = expected[..(Array.IndexOf(expected, end) + 1)];
        using var rig = new CoreRig(ends: [end], runsAhead: runsAhead);
        CoreRequest request = rig.Submit(CoreRig.Prompt(5), 20);
        CoreRequest ignoring = rig.Submit(CoreRig.Prompt(5), 20, sampling: new SamplingParameters { IgnoreEos = true });
        CoreRequest stopping = rig.Submit(
            CoreRig.Prompt(5), 20, sampling: new SamplingParameters { IgnoreEos = true, StopTokenIds = [expected[0]] });
        rig.RunToEnd();
        List<OutputRecord> records = CoreRig.Read(request);
        Assert.Equal(upToEnd, CoreRig.TokensOf(records));
        Assert.Equal(FinishReason.Stop, records[^1].Finish);
        Assert.Equal(expected, CoreRig.TokensOf(CoreRig.Read(ignoring)));
        Assert.Equal(expected[..1], CoreRig.TokensOf(CoreRig.Read(stopping)));
    }

    [Fact]
    public void Step_ForSeveralOutputs_SharesThePromptAndSeedsEachByItsIndex()
    {
        foreach (bool sharePrefixes in new[] { true, false })
        {
            using var rig = new CoreRig(sharePrefixes: sharePrefixes);
            CoreRequest request = rig.Submit(CoreRig.Prompt(10), 5, outputs: 3, seed: ulong.MaxValue);
            rig.Core.Step();
            rig.Core.Step();
            int[] first = request.Sequences[0].Blocks.Blocks[..2].ToArray();
            Assert.All(request.Sequences, sequence => Assert.Equal(first, sequence.Blocks.Blocks[..2].ToArray()));
            Assert.Equal(3, rig.Cache.Pool.References(first[0]));
            rig.RunToEnd();
            List<OutputRecord> records = CoreRig.Read(request);
            for (int i = 0; i < 3; i++)
            {
                ulong seed = unchecked(ulong.MaxValue + (ulong)i);
                Assert.Equal(
                    ScriptedExecutor.Reference(CoreRig.Prompt(10), 5, CoreRig.Vocabulary, seed), CoreRig.TokensOf(records, outputIndex: i));
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Step_WithoutPrefixCaching_FindsNothingOfOtherRequests(bool runsAhead)
    {
        using var rig = new CoreRig(sharePrefixes: false, runsAhead: runsAhead);
        rig.Submit(CoreRig.Prompt(10), 2, outputs: 2);
        rig.RunToEnd();
        CoreRequest later = rig.Submit(CoreRig.Prompt(10), 2);
        rig.RunToEnd();
        Assert.Equal(0, later.Sequences[0].CachedPromptLength);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Step_WithPrefixCaching_TellsTheReaderWhatWasFoundAndHowLongItWaited(bool runsAhead)
    {
        using var rig = new CoreRig(runsAhead: runsAhead);
        rig.Submit(CoreRig.Prompt(10), 2);
        rig.RunToEnd();
        CoreRequest later = rig.Submit(CoreRig.Prompt(10), 2);
        rig.Clock.Advance(TimeSpan.FromSeconds(3));
        rig.RunToEnd();
        var batch = new OutputBatch();
        Assert.True(later.Output.TryTake(ref batch));
        Assert.Equal((8, TimeSpan.FromSeconds(3)), (batch.CachedPromptTokens, batch.QueueTime));
    }

    [Fact]
    public void Step_TellsTheReaderWhenTokensCame()
    {
        using var rig = new CoreRig();
        CoreRequest request = rig.Submit(CoreRig.Prompt(10), 3);
        long Now(double seconds)
        {
            rig.Clock.Advance(TimeSpan.FromSeconds(seconds));
            rig.Core.Step();
            return rig.Clock.GetTimestamp();
        }
        long first = Now(1);
        _ = Now(2);
        long last = Now(4);
        var batch = new OutputBatch();
        Assert.True(request.Output.TryTake(ref batch));
        Assert.Equal((first, last), batch.TokensAt);
        batch.Clear();
        Assert.Null(batch.TokensAt);
    }

    [Fact]
    public void Step_AfterAnAbort_FreesTheBlocksAtOnceAndPutsOutNoMore()
    {
        using var rig = new CoreRig();
        CoreRequest left = rig.Submit(CoreRig.Prompt(9), 30);
        CoreRequest stays = rig.Submit(CoreRig.Prompt(9, seed: 2), 6);
        rig.Core.Step();
        rig.Core.Step();
        rig.Inbox.End(new RequestEnding(left, null, FinishReason.Abort));
        rig.Core.Step();
        Assert.Equal(SequenceState.Finished, left.Sequences[0].State);
        Assert.Equal(stays.Sequences[0].Blocks.Count, rig.Cache.Pool.UsedCount);
        Assert.Equal(2, CoreRig.TokensOf(CoreRig.Read(left)).Length);
        rig.RunToEnd();
        Assert.Equal(6, CoreRig.TokensOf(CoreRig.Read(stays)).Length);
    }

    [Fact]
    public void Step_AfterAnAbortOfOneOutput_GoesOnWithTheOthers()
    {
        using var rig = new CoreRig();
        CoreRequest request = rig.Submit(CoreRig.Prompt(9), 10, outputs: 2);
        rig.Core.Step();
        rig.Inbox.End(new RequestEnding(request, 0, FinishReason.Stop));
        rig.RunToEnd();
        List<OutputRecord> records = CoreRig.Read(request);
        Assert.Single(CoreRig.TokensOf(records, outputIndex: 0));
        Assert.Equal(10, CoreRig.TokensOf(records, outputIndex: 1).Length);
    }

    [Fact]
    public void Step_WhenAnAbortComesTwiceOrTooLate_IgnoresIt()
    {
        using var rig = new CoreRig();
        CoreRequest request = rig.Submit(CoreRig.Prompt(9), 1);
        rig.Inbox.End(new RequestEnding(request, null, FinishReason.Abort));
        rig.Inbox.End(new RequestEnding(request, 0, FinishReason.Abort));
        Assert.False(rig.Core.Step());
        rig.Inbox.End(new RequestEnding(request, null, FinishReason.Abort));
        Assert.False(rig.Core.Step());
        Assert.Equal(0, rig.Model.StepCount);
        Assert.Equal(default, rig.Core.Statistics with { TotalBlocks = 0 });
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Step_WhenTheDeadlinePasses_FailsTheRequestWaitingOrRunning(bool runsAhead)
    {
        using var rig = new CoreRig(limits: new SchedulingLimits(1, 100, 8), runsAhead: runsAhead);
        CoreRequest running = rig.Submit(CoreRig.Prompt(9), 30, timeout: TimeSpan.FromSeconds(5));
        CoreRequest waiting = rig.Submit(CoreRig.Prompt(9), 30, timeout: TimeSpan.FromSeconds(2));
        CoreRequest patient = rig.Submit(CoreRig.Prompt(9), 3);
        rig.Core.Step();
        rig.Clock.Advance(TimeSpan.FromSeconds(2));
        rig.Core.Step();
        Assert.Equal(EngineErrorCode.DeadlineExceeded, FailureOf(waiting)?.Code);
        Assert.Equal(SequenceState.Running, running.Sequences[0].State);
        rig.Clock.Advance(TimeSpan.FromSeconds(3));
        rig.Core.Step();
        Assert.Equal(EngineErrorCode.DeadlineExceeded, FailureOf(running)?.Code);
        rig.RunToEnd();
        Assert.Equal(3, CoreRig.TokensOf(CoreRig.Read(patient)).Length);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Step_WhenARowHasNoFiniteLogit_FailsThatSequenceAlone(bool runsAhead)
    {
        using var rig = new CoreRig(runsAhead: runsAhead);
        CoreRequest bad = rig.Submit(CoreRig.Prompt(9), 6, outputs: 2);
        CoreRequest good = rig.Submit(CoreRig.Prompt(9, seed: 2), 6);
        rig.Model.Choose = (sequence, hash) => sequence.Id == 2 && sequence.OutputLength == 2 ? -1 : (int)(hash % CoreRig.Vocabulary);
        rig.RunToEnd();
        List<OutputRecord> records = CoreRig.Read(bad);
        Assert.Equal(2, CoreRig.TokensOf(records, outputIndex: 1).Length);
        Assert.Equal(FinishReason.Error, records.Last(record => record.OutputIndex == 1).Finish);
        Assert.Equal(6, CoreRig.TokensOf(records, outputIndex: 0).Length);
        Assert.Equal(6, CoreRig.TokensOf(CoreRig.Read(good)).Length);
    }

    [Fact]
    public void Step_WhenTheExecutorFails_UndoesTheStep()
    {
        using var rig = new CoreRig();
        CoreRequest running = rig.Submit(CoreRig.Prompt(8), 6);
        rig.Core.Step();
        CoreRequest arriving = rig.Submit(CoreRig.Prompt(9, seed: 2), 3);
        rig.Model.BeforeStep = _ => throw new InvalidOperationException("device lost");
        Assert.Throws<InvalidOperationException>(() => rig.Core.Step());
        Assert.Equal(2, rig.Cache.Pool.UsedCount);
        rig.Model.BeforeStep = null;
        rig.RunToEnd();
        Assert.Equal(ScriptedExecutor.Reference(CoreRig.Prompt(8), 6, CoreRig.Vocabulary, 0), CoreRig.TokensOf(CoreRig.Read(running)));
        Assert.Equal(3, CoreRig.TokensOf(CoreRig.Read(arriving)).Length);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void EndAll_WithAFailure_TellsEveryRequestAndTakesNoMore(bool runsAhead)
    {
        using var rig = new CoreRig(runsAhead: runsAhead);
        CoreRequest running = rig.Submit(CoreRig.Prompt(8), 6);
        rig.Core.Step();
        CoreRequest inTheMail = rig.Submit(CoreRig.Prompt(9), 3);
        rig.Core.EndAll(FinishReason.Error, new RequestException(EngineErrorCode.Internal, "lost"));
        Assert.Equal(EngineErrorCode.Internal, FailureOf(running)?.Code);
        Assert.Equal(EngineErrorCode.Internal, FailureOf(inTheMail)?.Code);
        Assert.Equal(Submission.Closed, rig.Inbox.TrySubmit(rig.New(CoreRig.Prompt(3), 1)));
        Assert.Equal(0, rig.Cache.Pool.UsedCount);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Step_ForAScoredPrompt_ReportsItsTokensBeforeTheOutput(bool runsAhead)
    {
        using var rig = new CoreRig(limits: new SchedulingLimits(8, 100, 4), runsAhead: runsAhead);
        int[] prompt = CoreRig.Prompt(10);
        CoreRequest request = rig.Submit(prompt, 2, sampling: new SamplingParameters { PromptLogprobs = 2, TopLogprobs = 1 });
        rig.RunToEnd();
        var batch = new OutputBatch();
        Assert.True(request.Output.TryTake(ref batch));
        Assert.Equal(11, batch.Records.Count);
        for (int i = 0; i < 9; i++)
        {
            OutputRecord record = batch.Records[i];
            Assert.Equal((prompt[i + 1], true, 2), (record.TokenId, record.IsPrompt, record.TopCount));
            Assert.Equal(ScriptedExecutor.LogprobAfter(prompt.AsSpan(0, i + 1), 0), record.Logprob);
            Assert.Equal(record.Logprob - 1, batch.TopLogprobs[i * 2 + 1]);
        }
        Assert.All(batch.Records.Skip(9), record => Assert.Equal((false, 1), (record.IsPrompt, record.TopCount)));
        Assert.Equal(9 * 2 + 2, batch.TopIds.Count);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void TrySubmit_WhenTheQueueIsFull_Refuses_UntilOneStartsOrLeaves(bool runsAhead)
    {
        using var rig = new CoreRig(queue: 2, limits: new SchedulingLimits(1, 100, 8), runsAhead: runsAhead);
        rig.Submit(CoreRig.Prompt(4), 20);
        CoreRequest second = rig.Submit(CoreRig.Prompt(4), 20);
        Assert.Equal(Submission.Full, rig.Inbox.TrySubmit(rig.New(CoreRig.Prompt(4), 20)));
        rig.Core.Step();
        rig.Submit(CoreRig.Prompt(4), 20);
        Assert.Equal(Submission.Full, rig.Inbox.TrySubmit(rig.New(CoreRig.Prompt(4), 20)));
        rig.Inbox.End(new RequestEnding(second, null, FinishReason.Abort));
        rig.Core.Step();
        rig.Submit(CoreRig.Prompt(4), 20);
        rig.RunToEnd();
    }

    [Fact]
    public void Step_InSteadyDecode_AllocatesNothing()
    {
        using var rig = new CoreRig(blockCount: 512);
        CoreRequest[] requests = [.. Enumerable.Range(1, 6).Select(i => rig.Submit(CoreRig.Prompt(7 + i, i), 200, outputs: i == 6 ? 3 : 1))];
        var batch = new OutputBatch();
        void Run(int steps)
        {
            for (int i = 0; i < steps; i++)
            {
                rig.Core.Step();
                foreach (CoreRequest request in requests)
                {
                    while (request.Output.TryTake(ref batch))
                    {
                        Assert.True(batch.Records.Count > 0);
                    }
                }
            }
        }
        Run(20);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Run(150);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static RequestException? FailureOf(CoreRequest request)
    {
        var batch = new OutputBatch();
        RequestException? failure = null;
        while (request.Output.TryTake(ref batch))
        {
            failure = (RequestException?)batch.Failure ?? failure;
        }
        return failure;
    }
}
