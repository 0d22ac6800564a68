using KServePaged.Engine.Kernels;
using KServePaged.Kernels.Tests.Harness;

namespace KServePaged.Kernels.Tests;

/// <summary>Log-probabilities, special rows, independence of the batch, and refusals.</summary>
public sealed class SampleTests
{
    private static readonly int[] Vocabularies = [1, 3, 64, 1001, 4096, 40_003];

    [Theory]
    [MemberData(nameof(KernelTarget.All), MemberType = typeof(KernelTarget))]
    public void Sample_WithLogprobs_ReportsThoseOfTheRawLogits(KernelTarget target) => Rig.RunTable(target, Vocabularies, (rig, vocabulary) =>
    {
        float[] logits = new Noise(vocabulary).Normals(vocabulary, 4);
        if (vocabulary > 100)
        {
            logits[17] = logits[70] = logits.Max(); // ties, and one id that cannot be
            logits[5] = float.NegativeInfinity;
        }
        SampleCase row = new(logits)
        {
            TopLogprobs = 20,
            TopP = 0.9f,
            Bias = [(0, 4f)],
            Banned = vocabulary > 100 ? [17] : [],
            History = [(vocabulary - 1, 2)],
            Repetition = 1.5f,
        };
        SampleCase[] rows = [row, row with { Temperature = 0 }, row with { GivenToken = vocabulary / 2 }, row with { TopLogprobs = 0, Seed = 9 }, row with { TopLogprobs = -1 }];
        SampleBatch result = SampleBatch.Run(rig, rows, padding: 1, maxTop: 23);

        double max = logits.Max();
        double logSum = max + Math.Log(logits.Sum(logit => Math.Exp(logit - max)));
        // Sums of at most 4096 terms in 16 or more lanes, an exponential good to 2e-7, one rounding of the result.
        double bound = (((Math.Min(vocabulary, 4096) / 16.0) + 8) / (1 << 24)) + 4e-7;
        int[] best = [.. Enumerable.Range(0, vocabulary).OrderByDescending(id => logits[id]).Take(20)];
        for (int r = 0; r < rows.Length - 1; r++)
        {
            int token = result.Tokens[r];
            Assert.InRange(token, 0, vocabulary - 1);
            Near(logits[token] - logSum, result.Logprobs[r], bound);
            Assert.Equal(logits.Count(logit => logit >= logits[token]), result.Ranks[r]);
        }
        Assert.Equal(vocabulary / 2, result.Tokens[2]);
        Assert.Equal(result.Tokens[0], result.Tokens[4]);
        Assert.Equal(0f, result.Logprobs[4]);
        Assert.Equal(0, result.Ranks[4]);
        for (int r = 0; r < rows.Length; r++)
        {
            int wanted = Math.Min(Math.Max(rows[r].TopLogprobs, 0), vocabulary);
            int[] ids = result.TopIds[(r * 23)..((r + 1) * 23)];
            float[] logprobs = result.TopLogprobs[(r * 23)..((r + 1) * 23)];
            Assert.Equal(best.Take(wanted), ids.Take(wanted));
            Assert.All(ids.Skip(wanted), id => Assert.Equal(-1, id));
            Assert.All(logprobs.Skip(wanted), value => Assert.Equal(float.NegativeInfinity, value));
            for (int i = 0; i < wanted; i++)
            {
                Near(logits[ids[i]] - logSum, logprobs[i], bound);
            }
        }
    });

    private static void Near(double expected, float actual, double bound) =>
        Expect.Near([expected], [actual], [bound + (Math.Abs(expected) / (1 << 23))], "logprob");

    /// <summary>Hundreds of alternatives, with many equal logits.</summary>
    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void Sample_WithManyAlternatives_OrdersTiesById(KernelTarget target)
    {
        using Rig rig = Rig.Open(target);
        float[] logits = [.. Enumerable.Range(0, 5000).Select(i => (float)(i * 7919 % 13))];
        SampleBatch result = SampleBatch.Run(rig, [new SampleCase(logits) { TopLogprobs = 1024, Temperature = 0 }]);
        Assert.Equal(Enumerable.Range(0, 5000).OrderByDescending(id => logits[id]).Take(1024), result.TopIds);
        Assert.Equal(result.TopIds[0], result.Tokens[0]);
        Assert.Equal(logits.Count(logit => logit == 12), result.Ranks[0]);
    }

    [Theory]
    [MemberData(nameof(KernelTarget.All), MemberType = typeof(KernelTarget))]
    public void Sample_WithUnusableRows_MarksThemAndSparesTheOthers(KernelTarget target)
    {
        using Rig rig = Rig.Open(target);
        foreach (int vocabulary in new[] { 1, 7, 300, 9000 })
        {
            float[] good = new Noise(vocabulary).Normals(vocabulary);
            float[] With(int at, float value) => [.. good.Select((logit, i) => i == at ? value : logit)];
            float[] nothing = [.. Enumerable.Repeat(float.NegativeInfinity, vocabulary)];
            float[] one = [.. nothing];
            one[vocabulary / 2] = -3e38f;
            float[][] rows = [good, With(0, float.NaN), With(vocabulary - 1, float.NaN), With(vocabulary / 2, float.PositiveInfinity), nothing, one, good];
            foreach (SampleCase kind in new SampleCase[] { new(good), new(good) { Temperature = 0 }, new(good) { TopP = 0.5f }, new(good) { TopK = 2, MinP = 0.1f }, new(good) { Bias = [(0, 1f)] } })
            {
                SampleBatch result = SampleBatch.Run(rig, [.. rows.Select(row => kind with { Logits = row, TopLogprobs = 2 })]);
                int[] unusable = [-1, -1, -1, -1];
                Assert.Equal(unusable, result.Tokens[1..5]);
                Assert.All(result.TopIds[2..10], id => Assert.Equal(-1, id));
                Assert.Equal(vocabulary / 2, result.Tokens[5]);
                Assert.Equal(0f, result.Logprobs[5]);
                Assert.InRange(result.Tokens[0], 0, vocabulary - 1);
                Assert.Equal(result.Tokens[0], result.Tokens[6]);
                Assert.Equal(result.Logprobs[0], result.Logprobs[6]);
            }
            // Usable logits of which the ban leaves nothing.
            int[] all = [.. Enumerable.Range(0, vocabulary)];
            Assert.Equal([-1, -1], SampleBatch.Run(rig, [new SampleCase(good) { Banned = all }, new SampleCase(good) { Banned = all, Temperature = 0 }]).Tokens);
        }
    }

    /// <summary>A row's token and bits with others, alone, in another order, with other threads (which then share out one row's chunks).</summary>
    [Theory]
    [MemberData(nameof(KernelTarget.All), MemberType = typeof(KernelTarget))]
    public void Sample_OfARowAlone_HasTheSameBits(KernelTarget target)
    {
        using Rig rig = Rig.Open(target);
        using Rig other = Rig.Open(target.WithThreads(target.Threads == 1 ? 3 : 1));
        foreach (int vocabulary in new[] { 50, 5000, 33_000 })
        {
            SampleCase[] rows = [.. Enumerable.Range(0, 24).Select(i => Row(vocabulary, i))];
            SampleBatch together = SampleBatch.Run(rig, rows, maxTop: 4);
            SampleBatch elsewhere = SampleBatch.Run(other, rows, padding: 5, maxTop: 4);
            AssertSame(together, elsewhere, 0, rows.Length, 0);
            for (int r = 0; r < rows.Length; r++)
            {
                AssertSame(SampleBatch.Run(rig, [rows[r]], maxTop: 4), together, 0, 1, r);
                AssertSame(SampleBatch.Run(other, [rows[r]], maxTop: 4), together, 0, 1, r);
            }
            rig.FreeArrays();
            other.FreeArrays();
        }
    }

    private static SampleCase Row(int vocabulary, int i)
    {
        var row = new SampleCase(new Noise(i % 7).Normals(vocabulary, 2)) { Seed = (ulong)i, Position = (ulong)(i * i), TopLogprobs = (i % 6) - 1 };
        return (i % 8) switch
        {
            0 => row,
            1 => row with { Temperature = 0 },
            2 => row with { TopP = 0.9f, Temperature = 0.8f },
            3 => row with { TopK = 20 },
            4 => row with { MinP = 0.05f, TopP = 0.99f },
            5 => row with { GivenToken = i },
            6 => row with { Bias = [(3, 2f)], History = [(1, 1), (2, 0)], Presence = 1f, TopK = 40, TopP = 0.7f },
            _ => row with { Temperature = 3f },
        };
    }

    private static void AssertSame(SampleBatch a, SampleBatch b, int fromA, int count, int fromB)
    {
        Assert.Equal(a.Tokens[fromA..(fromA + count)], b.Tokens[fromB..(fromB + count)]);
        Assert.Equal(a.Ranks[fromA..(fromA + count)], b.Ranks[fromB..(fromB + count)]);
        Expect.SameBits(a.Logprobs.AsSpan(fromA, count), b.Logprobs.AsSpan(fromB, count), "logprob");
        Assert.Equal(a.TopIds[(fromA * a.MaxTop)..((fromA + count) * a.MaxTop)], b.TopIds[(fromB * a.MaxTop)..((fromB + count) * a.MaxTop)]);
        Expect.SameBits(a.TopLogprobs.AsSpan(fromA * a.MaxTop, count * a.MaxTop), b.TopLogprobs.AsSpan(fromB * a.MaxTop, count * a.MaxTop), "top");
    }

    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void Sample_WithBadArguments_Refuses(KernelTarget target)
    {
        using Rig rig = Rig.Open(target);
        var good = new SampleCase([1, 2, 3, 4]) { TopLogprobs = 1 };
        Assert.Empty(SampleBatch.Run(rig, []).Tokens);
        if (target.ChecksContents)
        {
            RefusesBadRows(rig, good);
        }

        nint room = rig.Allocate<float>(8).Address;
        SamplingArguments arguments = SampleBatch.Arguments(rig, [good, good], 0, 1) with
        {
            Token = room,
            Logprob = room,
            Rank = room,
            TopIds = room,
            TopLogprobs = room,
        };
        rig.Stream.Sample(arguments);
        Expect.InvalidArgument(() => rig.Stream.Sample(arguments with { Rows = -1 }), "rows");
        Expect.InvalidArgument(() => rig.Stream.Sample(arguments with { Vocabulary = 0 }), "vocabulary");
        Expect.InvalidArgument(() => rig.Stream.Sample(arguments with { LogitsStride = 3 }), "stride");
        Expect.InvalidArgument(() => rig.Stream.Sample(arguments with { Logits = 0 }), "logits");
        Expect.InvalidArgument(() => rig.Stream.Sample(arguments with { Row = 0 }), "row");
        Expect.InvalidArgument(() => rig.Stream.Sample(arguments with { Token = 0 }), "token");
        Expect.InvalidArgument(() => rig.Stream.Sample(arguments with { Logprob = 0 }), "logprob");
        Expect.InvalidArgument(() => rig.Stream.Sample(arguments with { Rank = 0 }), "rank");
        Expect.InvalidArgument(() => rig.Stream.Sample(arguments with { TopIds = 0 }), "top ids");
        Expect.InvalidArgument(() => rig.Stream.Sample(arguments with { TopLogprobs = 0 }), "top logprobs");
        Expect.InvalidArgument(() => rig.Stream.Sample(arguments with { MaxTopLogprobs = -1 }), "max top");
        Expect.InvalidArgument(() => rig.Stream.Sample(arguments with { Reserved = 1 }), "reserved");
        Expect.InvalidArgument(() => rig.Stream.Sample(arguments with { Workspace = 0 }), "workspace");
        Expect.InvalidArgument(() => rig.Stream.Sample(arguments with { WorkspaceBytes = arguments.WorkspaceBytes - 1 }), "workspace bytes");
    }

    private static void RefusesBadRows(Rig rig, SampleCase good)
    {
        foreach ((SampleCase Case, string What) bad in new[]
        {
            (good with { Temperature = -0.1f }, "temperature"), (good with { Temperature = float.NaN }, "temperature"),
            (good with { Temperature = float.PositiveInfinity }, "temperature"), (good with { TopP = 0 }, "top_p"),
            (good with { TopP = 1.01f }, "top_p"), (good with { TopP = float.NaN }, "top_p"), (good with { MinP = -0.1f }, "min_p"),
            (good with { MinP = 1.1f }, "min_p"), (good with { Repetition = 0 }, "repetition_penalty"),
            (good with { Repetition = float.PositiveInfinity }, "repetition_penalty"), (good with { Presence = float.NaN }, "penalties"),
            (good with { Frequency = float.NegativeInfinity }, "penalties"), (good with { TopK = -1 }, "top_k"),
            (good with { GivenToken = 4 }, "given_token"), (good with { GivenToken = -2 }, "given_token"), (good with { TopLogprobs = 3 }, "top_logprobs"),
            (good with { History = [(4, 1)] }, "history"), (good with { History = [(-1, 1)] }, "history"), (good with { History = [(2, 1), (2, 1)] }, "history"),
            (good with { Bias = [(4, 1f)] }, "bias_ids"), (good with { Bias = [(3, 1f), (1, 1f)] }, "bias_ids"), (good with { Banned = [4] }, "banned_ids"),
        })
        {
            var refused = Assert.Throws<KernelException>(() => SampleBatch.Run(rig, [good, bad.Case], maxTop: 2));
            Assert.Equal(KernelStatus.InvalidArgument, refused.Status);
            Assert.Contains(bad.What, refused.Message);
            Assert.Contains("row 1", refused.Message);
        }
    }
}
