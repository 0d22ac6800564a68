using KServePaged.Engine.Kernels;

namespace KServePaged.Kernels.Tests.Harness;

/// <summary>Rows of one vocabulary, sampled in one call.</summary>
internal sealed class SampleBatch
{
    private SampleBatch(int[] tokens, float[] logprobs, int[] ranks, int[] topIds, float[] topLogprobs, int maxTop) =>
        (Tokens, Logprobs, Ranks, TopIds, TopLogprobs, MaxTop) = (tokens, logprobs, ranks, topIds, topLogprobs, maxTop);

    public int[] Tokens { get; }

    public float[] Logprobs { get; }

    public int[] Ranks { get; }

    public int[] TopIds { get; }

    public float[] TopLogprobs { get; }

    public int MaxTop { get; }

    public static SampleBatch Run(Rig rig, IReadOnlyList<SampleCase> cases, int padding = 0, int? maxTop = null)
    {
        SamplingArguments arguments = Arguments(rig, cases, padding, maxTop ?? Math.Max(0, cases.Select(c => c.TopLogprobs).DefaultIfEmpty(0).Max()));
        int rows = cases.Count;
        int top = rows * arguments.MaxTopLogprobs;
        DeviceArray<int> tokens = rig.Allocate<int>(rows);
        DeviceArray<float> logprobs = rig.Allocate<float>(rows);
        DeviceArray<int> ranks = rig.Allocate<int>(rows);
        DeviceArray<int> topIds = rig.Allocate<int>(top);
        DeviceArray<float> topLogprobs = rig.Allocate<float>(top);
        rig.Stream.Sample(arguments with
        {
            Token = tokens.Address,
            Logprob = logprobs.Address,
            Rank = ranks.Address,
            TopIds = topIds.Address,
            TopLogprobs = topLogprobs.Address,
        });
        return new SampleBatch(tokens.Read(), logprobs.Read(), ranks.Read(), topIds.Read(), topLogprobs.Read(), arguments.MaxTopLogprobs);
    }

    /// <summary>Everything but the outputs.</summary>
    public static SamplingArguments Arguments(Rig rig, IReadOnlyList<SampleCase> cases, int padding, int maxTop)
    {
        int vocabulary = cases.Count == 0 ? 1 : cases[0].Logits.Length;
        Assert.All(cases, c => Assert.Equal(vocabulary, c.Logits.Length));
        var history = new List<(int Id, int OutputCount)>();
        var bias = new List<(int Id, float Value)>();
        var banned = new List<int>();
        var rows = new List<SamplingRow>();
        foreach (SampleCase c in cases)
        {
            rows.Add(new SamplingRow
            {
                Temperature = c.Temperature,
                TopP = c.TopP,
                MinP = c.MinP,
                RepetitionPenalty = c.Repetition,
                PresencePenalty = c.Presence,
                FrequencyPenalty = c.Frequency,
                TopK = c.TopK,
                HistoryStart = history.Count,
                HistoryCount = c.History.Length,
                BiasStart = bias.Count,
                BiasCount = c.Bias.Length,
                BannedStart = banned.Count,
                BannedCount = c.Banned.Length,
                TopLogprobs = c.TopLogprobs,
                GivenToken = c.GivenToken,
                Seed = c.Seed,
                Position = c.Position,
            });
            history.AddRange(c.History);
            bias.AddRange(c.Bias);
            banned.AddRange(c.Banned);
        }
        long workspaceBytes = rig.Device.SampleWorkspaceBytes(cases.Count, vocabulary);
        float[] logits = [.. cases.SelectMany(c => c.Logits.Concat(Enumerable.Repeat(float.NaN, padding)))];
        return new SamplingArguments
        {
            Logits = rig.Upload(logits).Address,
            LogitsStride = vocabulary + padding,
            Vocabulary = vocabulary,
            Row = rig.Upload<SamplingRow>([.. rows]).Address,
            History = rig.Upload<int>([.. history.Select(seen => seen.Id)]).Address,
            HistoryOutputCounts = rig.Upload<int>([.. history.Select(seen => seen.OutputCount)]).Address,
            BiasIds = rig.Upload<int>([.. bias.Select(one => one.Id)]).Address,
            BiasValues = rig.Upload<float>([.. bias.Select(one => one.Value)]).Address,
            BannedIds = rig.Upload<int>([.. banned]).Address,
            Workspace = rig.Allocate<byte>(workspaceBytes).Address,
            WorkspaceBytes = workspaceBytes,
            Rows = cases.Count,
            MaxTopLogprobs = maxTop,
        };
    }
}
