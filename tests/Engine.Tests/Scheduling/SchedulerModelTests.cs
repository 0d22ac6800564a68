using KServePaged.Engine.Scheduling;
using KServePaged.Engine.Tests.Execution;

namespace KServePaged.Engine.Tests.Scheduling;

/// <summary>
/// Random traffic over random, mostly far too small pools. Whatever the scheduler does (chunks, preemptions, shared prefixes, aborts), each
/// sequence that ends must have the output that it would have alone, the invariants hold after every step, and in the end no block is used.
/// </summary>
public sealed class SchedulerModelTests
{
    private static int Cases => Environment.GetEnvironmentVariable("KSERVEPAGED_SLOW") == "1" ? 3000 : 150;

    [Fact]
    public void RandomTraffic_OverTinyPools_GivesEachSequenceItsOwnOutput()
    {
        long preemptions = 0;
        long shared = 0;
        for (int seed = 0; seed < Cases; seed++)
        {
            try
            {
                SchedulerRun run = RunCase(new Random(seed), ref shared);
                preemptions += run.Scheduler.PreemptionCount;
            }
            catch (Exception error) when (error is not OperationCanceledException)
            {
                Assert.Fail($"seed {seed}: {error}");
            }
        }
        Assert.True(preemptions > Cases, $"only {preemptions} preemptions: the traffic no longer tests them");
        Assert.True(shared > Cases, $"only {shared} shared tokens: the traffic no longer tests prefixes");
    }

    private static SchedulerRun RunCase(Random random, ref long shared)
    {
        int blockTokens = random.Next(1, 6);
        int blockCount = random.Next(12, 40);
        int maxLength = Math.Min(blockTokens * blockCount, 60);
        var limits = new SchedulingLimits(random.Next(1, 9), random.Next(1, 33), random.Next(1, 12)) { MixedPromptTokens = random.Next(1, 20) };
        var run = new SchedulerRun(blockCount, blockTokens, limits);
        int[][] prefixes = [.. Enumerable.Range(0, 3).Select(_ => Tokens(random, random.Next(1, maxLength / 2 + 1)))];
        List<Sequence> all = [];
        int arrivals = random.Next(1, 30);
        long nextId = 1;
        for (int step = 0; step < 20_000 && (arrivals > 0 || !run.Scheduler.IsIdle); step++)
        {
            if (arrivals > 0 && random.Next(3) == 0)
            {
                arrivals--;
                all.AddRange(Arrive(run, random, prefixes, maxLength, ref nextId));
            }
            if (run.Live.Count > 0 && random.Next(25) == 0)
            {
                Sequence left = run.Live[random.Next(run.Live.Count)];
                run.Abort(left);
                all.Remove(left);
            }
            if (random.Next(40) == 0)
            {
                FailAStep(run);
            }
            run.Step();
        }
        Assert.True(run.Scheduler.IsIdle, "a sequence starved");
        Assert.Equal(0, run.Cache.Pool.UsedCount);
        foreach (Sequence sequence in all)
        {
            shared += sequence.CachedPromptLength!.Value;
            Check(run, sequence);
        }
        return run;
    }

    private static void FailAStep(SchedulerRun run)
    {
        using (var reservation = run.Cache.Reserve())
        {
            run.Scheduler.Plan(run.Plan, reservation);
        }
        run.Scheduler.Rollback(run.Plan);
    }

    private static List<Sequence> Arrive(SchedulerRun run, Random random, int[][] prefixes, int maxLength, ref long nextId)
    {
        int[] prefix = prefixes[random.Next(prefixes.Length)];
        int[] prompt = [.. prefix, .. Tokens(random, random.Next(0, maxLength - prefix.Length))];
        int maxOutput = random.Next(1, maxLength - prompt.Length + 1);
        UInt128? root = random.Next(4) switch
        {
            0 => null,
            1 => run.Cache.Hasher.Root("tenant"),
            2 => run.Cache.Hasher.PrivateRoot(nextId),
            _ => run.Cache.Hasher.Root(null),
        };
        Sequence? leader = null;
        List<Sequence> added = [];
        bool scores = random.Next(5) == 0;
        for (int n = random.Next(4) == 0 ? random.Next(2, 4) : 1; n > 0; n--)
        {
            ulong seed = (ulong)random.Next(3);
            Sequence sequence = SchedulerRun.NewSequence(nextId++, prompt, maxOutput, root, leader, scores && leader is null, seed);
            leader ??= sequence;
            run.Add(sequence);
            added.Add(sequence);
        }
        return added;
    }

    private static void Check(SchedulerRun run, Sequence sequence)
    {
        ReadOnlySpan<int> prompt = sequence.Tokens[..sequence.PromptLength];
        Assert.Equal(sequence.MaxLength, sequence.Length);
        Assert.Equal(
            ScriptedExecutor.Reference(prompt, sequence.OutputLength, SchedulerRun.Vocabulary, sequence.Sampling.Seed),
            sequence.Tokens[sequence.PromptLength..].ToArray());
        if (!sequence.ScoresPrompt)
        {
            return;
        }
        List<float> expected = [];
        for (int i = 1; i < prompt.Length; i++)
        {
            expected.Add(ScriptedExecutor.LogprobAfter(prompt[..i], sequence.Sampling.Seed));
        }
        Assert.Equal(expected, run.Scores.GetValueOrDefault(sequence.Id, []));
    }

    private static int[] Tokens(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => random.Next(SchedulerRun.Vocabulary))];
}
