using KServePaged.Kernels.Tests.Harness;
using KServePaged.Kernels.Tests.Oracle;

namespace KServePaged.Kernels.Tests;

/// <summary>Draws: the generator, the distribution, and filters on vocabularies larger than a tile.</summary>
public sealed class SampleDrawTests
{
    /// <summary>The known answers that Random123 publishes for philox4x32-10.</summary>
    [Fact]
    public void Philox_KnownAnswers()
    {
        Assert.Equal((0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u), PhiloxOracle.Block((0, 0, 0, 0), 0, 0));
        uint f = uint.MaxValue;
        Assert.Equal((0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu), PhiloxOracle.Block((f, f, f, f), f, f));
        Assert.Equal(
            (0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u),
            PhiloxOracle.Block((0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344), 0xa4093822, 0x299f31d0));
    }

    /// <summary>Rows with the ids that the oracle draws, made once for all targets.</summary>
    private static readonly Lazy<(SampleCase Row, int Token)[][]> Predicted = new(() => [.. Cases.Select(Predict)]);

    private static IEnumerable<SampleCase> Cases =>
        from vocabulary in new[] { 1, 2, 5, 63, 64, 65, 1000, 4096, 4099, 40_001 }
        from one in Variants(new Noise(vocabulary).Normals(vocabulary, 3))
        select one;

    /// <summary>The exact draw, predicted from the generator that the header fixes.</summary>
    [Theory]
    [MemberData(nameof(KernelTarget.All), MemberType = typeof(KernelTarget))]
    public void Sample_EachCase_DrawsWhatTheOracleDraws(KernelTarget target) => Rig.RunTable(target, Predicted.Value, (rig, draws) =>
    {
        int[] actual = SampleBatch.Run(rig, [.. draws.Select(draw => draw.Row)], padding: 3).Tokens;
        Assert.All(draws.Zip(actual), pair => Assert.True(pair.First.Token == pair.Second, $"{pair.First.Row}: {pair.Second}, not {pair.First.Token}"));
    });

    private static (SampleCase Row, int Token)[] Predict(SampleCase c)
    {
        var oracle = new SamplingOracle(c);
        var draws = new List<(SampleCase Row, int Token)>();
        for (int i = 0; i < (c.Logits.Length > 5000 ? 3 : 40); i++)
        {
            SampleCase row = c with { Seed = ulong.MaxValue - (ulong)i, Position = (ulong)i << (i % 60) };
            if (oracle.Draw(row.Seed, row.Position) is { } token)
            {
                draws.Add((row, token));
            }
        }
        return [.. draws];
    }

    private static IEnumerable<SampleCase> Variants(float[] logits)
    {
        var plain = new SampleCase(logits);
        yield return plain;
        yield return plain with { Temperature = 0.2f };
        yield return plain with { Temperature = 5f };
        yield return plain with { Temperature = 1e-6f };
        yield return plain with { Temperature = 1e-38f };
        yield return plain with { TopK = 1 };
        yield return plain with { TopK = 7 };
        yield return plain with { TopK = logits.Length };
        yield return plain with { TopK = 300, TopP = 0.8f };
        yield return plain with { TopP = 0.1f };
        yield return plain with { TopP = 0.95f };
        yield return plain with { TopP = 0.999999f, Temperature = 3f };
        yield return plain with { TopP = 1e-30f };
        yield return plain with { MinP = 0.05f };
        yield return plain with { MinP = 1f };
        yield return plain with { MinP = 1e-6f, TopP = 0.9f, TopK = 50 };
        yield return plain with { Bias = [(logits.Length / 2, 9f)], Banned = logits.Length > 2 ? [0, logits.Length - 1] : [], TopP = 0.9f };
        yield return plain with { History = [.. Enumerable.Range(0, (logits.Length + 2) / 3).Select(i => (3 * i, i % 3))], Repetition = 1.3f, Presence = 0.5f, Frequency = 0.25f };
    }

    /// <summary>Equal logits in large numbers: the cut keeps the lowest ids, and finding it stays fast.</summary>
    [Theory]
    [MemberData(nameof(KernelTarget.All), MemberType = typeof(KernelTarget))]
    public void Sample_OfTies_KeepsTheLowestIds(KernelTarget target)
    {
        float[] flat = [.. Enumerable.Repeat(-2.5f, 20_000)];
        float[] steps = [.. Enumerable.Range(0, 20_000).Select(i => (float)(i * 7919 % 5))];
        SampleCase[] cases =
        [
            // The share is reached exactly: the next id is dropped, in the window that is sorted as at the border of a half.
            new([1, 1, 1, 1]) { TopP = 0.5f },
            new([.. Enumerable.Repeat(0f, 16)]) { TopP = 0.25f },
            new(flat) { TopP = 0.25f }, new(flat) { TopK = 3 }, new(steps) { TopK = 10 }, new(steps) { TopP = 0.5f }, new(steps) { TopP = 0.3f, TopK = 2 },
        ];
        Rig.RunTable(target, cases, (rig, c) =>
        {
            var oracle = new SamplingOracle(c);
            SampleCase[] rows = [.. Enumerable.Range(0, 60).Select(i => c with { Seed = (ulong)i })];
            int?[] expected = [.. rows.Select(row => oracle.Draw(row.Seed, 0))];
            int[] actual = SampleBatch.Run(rig, rows).Tokens;
            Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First ?? pair.Second, pair.Second));
            Assert.Empty(actual.Except(oracle.Kept));
        });
    }

    /// <summary>Pearson's chi-square over many draws, along positions and along seeds; the bound is exceeded by chance once in 10^6.</summary>
    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void Sample_OverManyDraws_FollowsTheDistribution(KernelTarget target)
    {
        int count = target.IsEmulated && !Rig.IsSlow ? 2_000 : 30_000;
        var logits = new SampleCase(new Noise(5).Normals(40, 1.5));
        SampleCase[] cases = [logits, logits with { Temperature = 0.7f, TopP = 0.9f }, logits with { TopK = 12 }, logits with { MinP = 0.1f, Temperature = 2f }];
        Rig.RunTable(target, cases, (rig, c) =>
        {
            var oracle = new SamplingOracle(c);
            int[] alongPositions = SampleBatch.Run(rig, [.. Enumerable.Range(0, count).Select(i => c with { Seed = 77, Position = (ulong)i })]).Tokens;
            int[] alongSeeds = SampleBatch.Run(rig, [.. Enumerable.Range(0, count).Select(i => c with { Seed = (ulong)i * 0x10001 })]).Tokens;
            AssertFollows(oracle, alongPositions);
            AssertFollows(oracle, alongSeeds);
            AssertIndependent(oracle, alongPositions);
        });
    }

    private static void AssertFollows(SamplingOracle oracle, int[] draws)
    {
        Assert.Empty(draws.Except(oracle.Kept));
        double statistic = 0;
        foreach (int id in oracle.Kept)
        {
            double expected = oracle.Probability(id) * draws.Length;
            double actual = draws.Count(draw => draw == id);
            statistic += (actual - expected) * (actual - expected) / expected;
        }
        AssertChiSquare(statistic, oracle.Kept.Length - 1);
    }

    /// <summary>Whether neighbours in position go together: the likeliest id against the rest, a two-by-two table.</summary>
    private static void AssertIndependent(SamplingOracle oracle, int[] draws)
    {
        double p = oracle.Probability(oracle.Kept[0]);
        double pairs = draws.Length - 1;
        double both = Enumerable.Range(1, draws.Length - 1).Count(i => draws[i] == oracle.Kept[0] && draws[i - 1] == oracle.Kept[0]);
        double deviation = (both - (pairs * p * p)) / Math.Sqrt(pairs * p * p * (1 - (p * p)));
        Assert.InRange(deviation, -5.5, 5.5);
    }

    /// <summary>Wilson and Hilferty: the cube root of chi-square / n is nearly normal; 4.9 standard deviations are one in 10^6.</summary>
    private static void AssertChiSquare(double statistic, int freedom)
    {
        double variance = 2.0 / (9 * freedom);
        double deviation = (Math.Cbrt(statistic / freedom) - (1 - variance)) / Math.Sqrt(variance);
        Assert.True(deviation < 4.9, $"chi-square {statistic:F1} with {freedom} degrees of freedom: {deviation:F1} standard deviations");
    }
}
