using KServePaged.Engine.Contracts;
using KServePaged.Engine.Core;
using KServePaged.Engine.KvCache;
using KServePaged.Engine.Scheduling;
using KServePaged.Engine.Tests.Execution;

namespace KServePaged.Engine.Tests.Core;

/// <summary>
/// Random requests over pools that are too small, with end tokens, aborts, deadlines, scored prompts and penalties, on a device that runs with the
/// host and on one that runs behind it: each request that was not given up has the output that it would have alone, the invariants hold after
/// every step, and in the end no block is used.
/// </summary>
public sealed class EngineCoreModelTests
{
    private static int Cases => Environment.GetEnvironmentVariable("KSERVEPAGED_SLOW") == "1" ? 3000 : 150;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void RandomTraffic_OverTinyPools_GivesEachRequestItsOwnOutput(bool runsAhead)
    {
        long recomputed = 0;
        int stopped = 0;
        for (int seed = 0; seed < Cases; seed++)
        {
            try
            {
                RunCase(new Random(seed), runsAhead, ref recomputed, ref stopped);
            }
            catch (Exception error) when (error is not OperationCanceledException)
            {
                Assert.Fail($"seed {seed}: {error}");
            }
        }
        Assert.True(recomputed > Cases, $"only {recomputed} tokens were computed again: the traffic no longer tests preemption");
        Assert.True(stopped > Cases, $"only {stopped} outputs met their end token");
    }

    private static void RunCase(Random random, bool runsAhead, ref long recomputed, ref int stopped)
    {
        int blockTokens = random.Next(1, 6);
        int blockCount = random.Next(12, 40);
        int maxLength = Math.Min(blockTokens * blockCount, 60);
        var limits = new SchedulingLimits(random.Next(1, 9), random.Next(1, 33), random.Next(1, 12)) { MixedPromptTokens = random.Next(1, 20) };
        int[] ends = [.. Enumerable.Range(0, 4).Select(_ => random.Next(CoreRig.Vocabulary))];
        using var rig = new CoreRig(blockCount, blockTokens, limits, sharePrefixes: random.Next(3) > 0, ends: ends, runsAhead: runsAhead);
        var invariants = new KvCacheInvariants(rig.Cache);
        int[][] prefixes = [.. Enumerable.Range(0, 3).Select(_ => Tokens(random, random.Next(1, maxLength / 2 + 1)))];
        List<(CoreRequest Request, int[] Prompt, int MaxNew, ulong Seed)> kept = [];
        List<CoreRequest> all = [];
        int arrivals = random.Next(1, 20);
        for (bool busy = true; busy || arrivals > 0;)
        {
            if (arrivals > 0 && random.Next(3) == 0)
            {
                arrivals--;
                int[] prefix = prefixes[random.Next(prefixes.Length)];
                int[] prompt = [.. prefix, .. Tokens(random, random.Next(0, maxLength - prefix.Length))];
                int maxNew = random.Next(1, maxLength - prompt.Length + 1);
                ulong seed = (ulong)random.Next(3);
                bool hurries = random.Next(8) == 0;
                CoreRequest request = rig.Submit(
                    prompt, maxNew, random.Next(4) == 0 ? 2 : 1, seed, Sampling(random), hurries ? TimeSpan.FromSeconds(random.Next(1, 30)) : null);
                all.Add(request);
                if (!hurries)
                {
                    kept.Add((request, prompt, maxNew, seed));
                }
            }
            if (kept.Count > 0 && random.Next(20) == 0)
            {
                int given = random.Next(kept.Count);
                rig.Inbox.End(new RequestEnding(kept[given].Request, null, FinishReason.Abort));
                kept.RemoveAt(given);
            }
            rig.Clock.Advance(TimeSpan.FromSeconds(1));
            busy = rig.Core.Step();
            foreach (LiveSequence sequence in all.SelectMany(request => request.Sequences).Cast<LiveSequence>())
            {
                invariants.Add(sequence.Blocks, sequence.Tokens, sequence.State == SequenceState.Running ? sequence.ComputedLength : 0);
            }
            invariants.Verify();
        }
        Assert.Equal((0, 0), (rig.Cache.Pool.UsedCount, rig.Cache.StepsUnderWay));
        recomputed += rig.Core.Ledger.RecomputedTokens;
        foreach ((CoreRequest request, int[] prompt, int maxNew, ulong seed) in kept)
        {
            List<OutputRecord> records = CoreRig.Read(request);
            for (int output = 0; output < request.Sequences.Count; output++)
            {
                int[] expected = ScriptedExecutor.Reference(prompt, maxNew, CoreRig.Vocabulary, seed + (ulong)output);
                int end = Array.FindIndex(expected, ends.Contains);
                Assert.Equal(end < 0 ? expected : expected[..(end + 1)], CoreRig.TokensOf(records, output));
                Assert.Equal(end < 0 ? FinishReason.Length : FinishReason.Stop, records.Last(record => record.OutputIndex == output).Finish);
                stopped += end < 0 ? 0 : 1;
            }
            Assert.Equal(request.Sequences[0].ScoresPrompt ? prompt.Length - 1 : 0, records.Count(record => record.IsPrompt));
        }
    }

    private static SamplingParameters Sampling(Random random) => new()
    {
        FrequencyPenalty = random.Next(6) == 0 ? 0.5 : 0,
        PromptLogprobs = random.Next(6) == 0 ? 1 : null,
        TopLogprobs = random.Next(3) == 0 ? 2 : null,
    };

    private static int[] Tokens(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => random.Next(CoreRig.Vocabulary))];
}
