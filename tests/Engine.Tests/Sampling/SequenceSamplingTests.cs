using KServePaged.Engine.Contracts;
using KServePaged.Engine.Kernels;
using KServePaged.Engine.Sampling;

namespace KServePaged.Engine.Tests.Sampling;

public sealed class SequenceSamplingTests
{
    private const int Vocabulary = 50;

    [Fact]
    public void AddDraw_WithoutParameters_SwitchesEveryStepOff()
    {
        SamplingRow row = Draw(new SamplingParameters()).Rows[0];
        Assert.Equal((1f, 1f, 0f, 0), (row.Temperature, row.TopP, row.MinP, row.TopK));
        Assert.Equal((1f, 0f, 0f), (row.RepetitionPenalty, row.PresencePenalty, row.FrequencyPenalty));
        Assert.Equal((0, 0, 0), (row.HistoryCount, row.BiasCount, row.BannedCount));
        Assert.Equal((-1, -1), (row.TopLogprobs, row.GivenToken));
    }

    [Theory]
    [InlineData(0, 0f)]
    [InlineData(0.000009, 0f)]
    [InlineData(0.00001, 0.01f)]
    [InlineData(0.009, 0.01f)]
    [InlineData(0.01, 0.01f)]
    [InlineData(1.5, 1.5f)]
    public void AddDraw_NearGreedy_RaisesOrZeroesTheTemperature(double asked, float expected) =>
        Assert.Equal(expected, Draw(new SamplingParameters { Temperature = asked }).Rows[0].Temperature);

    [Fact]
    public void AddDraw_CarriesEveryParameter()
    {
        SamplingRow row = Draw(new SamplingParameters
        {
            Temperature = 0.5,
            TopP = 0.25,
            TopK = 7,
            MinP = 0.125,
            RepetitionPenalty = 1.5,
            PresencePenalty = -0.5,
            FrequencyPenalty = 2,
            TopLogprobs = 3,
        }).Rows[0];
        Assert.Equal((0.5f, 0.25f, 7, 0.125f), (row.Temperature, row.TopP, row.TopK, row.MinP));
        Assert.Equal((1.5f, -0.5f, 2f, 3), (row.RepetitionPenalty, row.PresencePenalty, row.FrequencyPenalty, row.TopLogprobs));
    }

    [Fact]
    public void AddDraw_ForTopKMinusOne_IsOff() => Assert.Equal(0, Draw(new SamplingParameters { TopK = -1 }).Rows[0].TopK);

    [Fact]
    public void AddDraw_CountsItsPositionByOutputTokens()
    {
        SequenceSampling sampling = New(new SamplingParameters(), seed: 99);
        sampling.ObservePrompt([1, 2, 3]);
        Assert.Equal((99ul, 0ul), SeedAndPosition(sampling));
        sampling.ObserveOutput(4);
        sampling.ObserveOutput(4);
        Assert.Equal((99ul, 2ul), SeedAndPosition(sampling));
    }

    [Fact]
    public void AddDraw_WithARepetitionPenalty_ListsPromptAndOutputAscending()
    {
        SequenceSampling sampling = New(new SamplingParameters { RepetitionPenalty = 1.1 });
        sampling.ObservePrompt([9, 3, 9, 7]);
        sampling.ObserveOutput(5);
        sampling.ObserveOutput(9);
        sampling.ObserveOutput(9);
        sampling.ObserveOutput(49);
        SamplingBatch batch = Draw(sampling);
        Assert.Equal([3, 5, 7, 9, 49], batch.History.ToArray());
        Assert.Equal([0, 1, 0, 2, 1], batch.HistoryCounts.ToArray());
        Assert.Equal((0, 5), (batch.Rows[0].HistoryStart, batch.Rows[0].HistoryCount));
    }

    [Fact]
    public void AddDraw_WithOutputPenaltiesOnly_LeavesThePromptOut()
    {
        SequenceSampling sampling = New(new SamplingParameters { FrequencyPenalty = 0.5 });
        sampling.ObservePrompt([9, 3]);
        sampling.ObserveOutput(3);
        SamplingBatch batch = Draw(sampling);
        Assert.Equal([3], batch.History.ToArray());
        Assert.Equal([1], batch.HistoryCounts.ToArray());
    }

    [Fact]
    public void ObserveOutput_OfRandomTokens_KeepsWhatADictionaryWouldHold()
    {
        var random = new Random(5);
        for (int round = 0; round < 200; round++)
        {
            SequenceSampling sampling = New(new SamplingParameters { PresencePenalty = 1, RepetitionPenalty = 2 });
            var expected = new SortedDictionary<int, int>();
            int[] prompt = [.. Enumerable.Range(0, random.Next(1, 80)).Select(_ => random.Next(Vocabulary))];
            sampling.ObservePrompt(prompt);
            Array.ForEach(prompt, token => expected[token] = 0);
            for (int i = random.Next(120); i > 0; i--)
            {
                int token = random.Next(Vocabulary);
                sampling.ObserveOutput(token);
                expected[token] = expected.GetValueOrDefault(token) + 1;
            }
            SamplingBatch batch = Draw(sampling);
            Assert.Equal(expected.Keys, batch.History.ToArray());
            Assert.Equal(expected.Values, batch.HistoryCounts.ToArray());
        }
    }

    [Fact]
    public void AddDraw_BeforeTheMinimumOfTokens_BansEndAndStopIds()
    {
        SequenceSampling sampling = New(new SamplingParameters { MinTokens = 2, StopTokenIds = [30, 4] }, ends: [2, 4]);
        Assert.Equal([2, 4, 30], Draw(sampling).BannedIds.ToArray());
        sampling.ObserveOutput(1);
        Assert.Equal([2, 4, 30], Draw(sampling).BannedIds.ToArray());
        sampling.ObserveOutput(1);
        Assert.Empty(Draw(sampling).BannedIds.ToArray());
    }

    [Fact]
    public void AddDraw_WithBias_ListsItAscendingAndClamped()
    {
        var bias = new Dictionary<int, float> { [40] = 500, [3] = -1.5f, [20] = -101 };
        SamplingBatch batch = Draw(new SamplingParameters { LogitBias = bias });
        Assert.Equal([3, 20, 40], batch.BiasIds.ToArray());
        Assert.Equal([-1.5f, -100f, 100f], batch.BiasValues.ToArray());
    }

    [Fact]
    public void AddScore_ReportsTheGivenTokenAndProcessesNothing()
    {
        var parameters = new SamplingParameters
        {
            PromptLogprobs = 2,
            TopLogprobs = 5,
            RepetitionPenalty = 2,
            LogitBias = new Dictionary<int, float> { [1] = 1 },
            MinTokens = 5,
            StopTokenIds = [3],
        };
        SequenceSampling sampling = New(parameters);
        sampling.ObservePrompt([1, 2]);
        var batch = new SamplingBatch();
        sampling.AddScore(batch, 17);
        SamplingRow row = batch.Rows[0];
        Assert.Equal((17, 2), (row.GivenToken, row.TopLogprobs));
        Assert.Equal((0, 0, 0), (row.HistoryCount, row.BiasCount, row.BannedCount));
    }

    [Fact]
    public void AddDraw_OfSeveralSequences_GivesEachRowItsOwnRanges()
    {
        SequenceSampling first = New(new SamplingParameters { RepetitionPenalty = 2, LogitBias = new Dictionary<int, float> { [1] = 1 } });
        first.ObservePrompt([5, 6]);
        SequenceSampling second = New(
            new SamplingParameters { RepetitionPenalty = 2, LogitBias = new Dictionary<int, float> { [2] = 1, [3] = 1 }, MinTokens = 1 }, ends: [9]);
        second.ObservePrompt([7]);
        var batch = new SamplingBatch();
        first.AddDraw(batch);
        second.AddDraw(batch);
        SamplingRow row = batch.Rows[1];
        Assert.Equal([7], batch.History.Slice(row.HistoryStart, row.HistoryCount).ToArray());
        Assert.Equal([2, 3], batch.BiasIds.Slice(row.BiasStart, row.BiasCount).ToArray());
        Assert.Equal([9], batch.BannedIds.Slice(row.BannedStart, row.BannedCount).ToArray());
        batch.Clear();
        Assert.Equal((0, 0), (batch.RowCount, batch.History.Length));
    }

    [Fact]
    public void ForOutput_KeepsTheHistoriesOfTheOutputsApart()
    {
        SequenceSampling first = New(new SamplingParameters { RepetitionPenalty = 2, MinTokens = 1 }, seed: 7, ends: [2]);
        first.ObservePrompt([5, 8]);
        SequenceSampling second = first.ForOutput(8);
        first.ObserveOutput(5);
        second.ObserveOutput(6);
        Assert.Equal([5, 8], Draw(first).History.ToArray());
        Assert.Equal([1, 0], Draw(first).HistoryCounts.ToArray());
        Assert.Equal([5, 6, 8], Draw(second).History.ToArray());
        Assert.Equal([0, 1, 0], Draw(second).HistoryCounts.ToArray());
        Assert.Equal((8ul, 1ul), SeedAndPosition(second));
        Assert.Throws<InvalidOperationException>(() => first.ForOutput(9));
    }

    private static SequenceSampling New(SamplingParameters parameters, ulong seed = 0, int[]? ends = null) =>
        new(parameters, seed, Vocabulary, ends ?? []);

    private static SamplingBatch Draw(SamplingParameters parameters) => Draw(New(parameters));

    private static SamplingBatch Draw(SequenceSampling sampling)
    {
        var batch = new SamplingBatch();
        sampling.AddDraw(batch);
        return batch;
    }

    private static (ulong Seed, ulong Position) SeedAndPosition(SequenceSampling sampling)
    {
        SamplingRow row = Draw(sampling).Rows[0];
        return (row.Seed, row.Position);
    }
}
