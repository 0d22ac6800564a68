using KServePaged.Engine.Contracts;
using KServePaged.Engine.Core;
using KServePaged.Engine.Scheduling;
using KServePaged.Engine.Tests.Execution;

namespace KServePaged.Engine.Tests.Core;

/// <summary>A core over a device that works a step behind: what is planned when, and what of it is kept.</summary>
public sealed class StepsAheadTests
{
    [Fact]
    public void Step_WhileDecoding_BeginsTheNextBeforeTheTokenIsKnown()
    {
        using var rig = new CoreRig(runsAhead: true);
        CoreRequest request = rig.Submit(CoreRig.Prompt(5), 4);
        Assert.True(rig.Core.Step());
        Assert.Empty(CoreRig.TokensOf(CoreRig.Read(request)));
        Assert.Equal(0, rig.Model.StepCount);
        Assert.True(rig.Core.Step());
        Assert.Single(CoreRig.TokensOf(CoreRig.Read(request)));
        Assert.Equal((1, 2), (rig.Model.StepCount, rig.Model.MostUnderWay));
        rig.RunToEnd();
        Assert.Equal(4, rig.Model.StepCount); // the end by length is known ahead: nothing was computed for nothing
    }

    [Fact]
    public void Step_WhenTheTokenUnderWayEndsTheSequence_DropsTheRowBegunMeanwhileAndKeepsItsBlocksUntilItHasRun()
    {
        int[] expected = ScriptedExecutor.Reference(CoreRig.Prompt(5), 20, CoreRig.Vocabulary, 0);
        int end = expected[2];
        int count = Array.IndexOf(expected, end) + 1;
        using var rig = new CoreRig(ends: [end], runsAhead: true);
        CoreRequest request = rig.Submit(CoreRig.Prompt(5), 20);
        while (request.LiveIndex >= 0 || request.LiveCount > 0)
        {
            Assert.True(rig.Core.Step());
        }
        Assert.Equal(1, rig.Cache.StepsUnderWay);
        Assert.Equal(rig.Cache.BlocksFor(5 + count), rig.Cache.Pool.UsedCount);
        Assert.False(rig.Core.Step());
        Assert.Equal(count + 1, rig.Model.StepCount);
        Assert.Equal(0, rig.Cache.Pool.UsedCount);
        List<OutputRecord> records = CoreRig.Read(request);
        Assert.Equal(expected[..count], CoreRig.TokensOf(records));
        Assert.Equal(FinishReason.Stop, records[^1].Finish);
    }

    [Fact]
    public void Step_AfterAnAbort_FreesTheBlocksWhenTheStepUnderWayHasRun()
    {
        using var rig = new CoreRig(runsAhead: true);
        CoreRequest left = rig.Submit(CoreRig.Prompt(9), 30);
        rig.Core.Step();
        rig.Core.Step();
        rig.Inbox.End(new RequestEnding(left, null, FinishReason.Abort));
        Assert.False(rig.Core.Step());
        Assert.Equal((0, 0), (rig.Cache.Pool.UsedCount, rig.Cache.StepsUnderWay));
        Assert.Single(CoreRig.TokensOf(CoreRig.Read(left)));
    }

    /// <summary>A blocked reader of the step under way would be one whose block another one takes.</summary>
    [Fact]
    public void Step_WhenABlockMustBeTakenFromAnother_WaitsForTheStepUnderWay()
    {
        using var rig = new CoreRig(blockCount: 6, runsAhead: true);
        CoreRequest[] requests = [rig.Submit(CoreRig.Prompt(8), 12), rig.Submit(CoreRig.Prompt(7, seed: 2), 12)];
        rig.RunToEnd();
        for (int i = 0; i < 2; i++)
        {
            int[] prompt = CoreRig.Prompt(8 - i, seed: i + 1);
            Assert.Equal(ScriptedExecutor.Reference(prompt, 12, CoreRig.Vocabulary, 0), CoreRig.TokensOf(CoreRig.Read(requests[i])));
        }
        Assert.True(rig.Core.Ledger.RecomputedTokens > 0, "nobody was preempted");
    }

    [Fact]
    public void Step_WhenADrawLooksAtTheTokenBefore_WaitsForIt()
    {
        using var rig = new CoreRig(runsAhead: true);
        CoreRequest request = rig.Submit(CoreRig.Prompt(5), 6, sampling: new SamplingParameters { PresencePenalty = 0.5 });
        rig.RunToEnd();
        Assert.Equal(1, rig.Model.MostUnderWay);
        Assert.Equal(6, CoreRig.TokensOf(CoreRig.Read(request)).Length);
    }

    [Fact]
    public void EndAll_InOrder_WaitsForTheStepsUnderWay_AndAfterAFailureDoesNot()
    {
        foreach (bool isBroken in new[] { false, true })
        {
            using var rig = new CoreRig(runsAhead: true);
            CoreRequest request = rig.Submit(CoreRig.Prompt(5), 30);
            rig.Core.Step();
            rig.Core.Step();
            int before = rig.Model.StepCount;
            rig.Core.EndAll(FinishReason.Error, isBroken ? new RequestException(EngineErrorCode.Internal, "lost") : null);
            Assert.Equal(isBroken ? 0 : 1, rig.Model.StepCount - before);
            Assert.Equal((0, 0), (rig.Cache.Pool.UsedCount, rig.Cache.StepsUnderWay));
            Assert.Equal(-1, request.LiveIndex);
        }
    }

    [Fact]
    public void Step_WhenTheDeviceFailsWithTwoStepsUnderWay_LeavesTheEndOfAllToTheCaller()
    {
        using var rig = new CoreRig(runsAhead: true);
        rig.Submit(CoreRig.Prompt(5), 30);
        rig.Core.Step();
        rig.Model.BeforeStep = _ => throw new InvalidOperationException("device lost");
        Assert.Throws<InvalidOperationException>(() => rig.Core.Step());
        rig.Core.EndAll(FinishReason.Error, new RequestException(EngineErrorCode.Internal, "lost"));
        Assert.Equal((0, 0), (rig.Cache.Pool.UsedCount, rig.Cache.StepsUnderWay));
    }

    [Fact]
    public void Step_WhileSomebodyWaits_PreparesNothing()
    {
        using var rig = new CoreRig(limits: new SchedulingLimits(1, 100, 8), runsAhead: true);
        rig.Model.PreparationsLeft = 100;
        rig.Submit(CoreRig.Prompt(5), 8);
        CoreRequest waiting = rig.Submit(CoreRig.Prompt(5), 1);
        while (!waiting.HasStarted)
        {
            Assert.Equal(100, rig.Model.PreparationsLeft);
            rig.Core.Step();
        }
        Assert.InRange(rig.Model.PreparationsLeft, 98, 99);
    }
}
