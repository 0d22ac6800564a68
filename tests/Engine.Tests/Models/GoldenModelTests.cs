using KServePaged.Engine.Execution;
using KServePaged.Engine.Tests.Weights;
using Microsoft.Extensions.Logging.Abstractions;

namespace KServePaged.Engine.Tests.Models;

/// <summary>Every checkpoint of a supported family against Hugging Face's numbers, in float32, through the paged cache.</summary>
public sealed class GoldenModelTests
{
    private const int NewTokens = 24;

    public static TheoryData<string> Supported => GoldenCheckpoint.Supported;

    public static TheoryData<string> Unsupported => GoldenCheckpoint.Unsupported;

    [Theory]
    [MemberData(nameof(Supported))]
    public void Logits_AreWithinTheStatedTolerance(string name)
    {
        var golden = new GoldenCheckpoint(name);
        using var run = new ModelRun(golden.Directory);

        CompareWithGolden(golden, run);
    }

    [Theory]
    [MemberData(nameof(Supported))]
    public void Logits_WhenConfigIsInTheNewDialect_AreTheSame(string name)
    {
        var golden = new GoldenCheckpoint(name);
        using var directory = new TemporaryDirectory();
        File.CreateSymbolicLink(Path.Combine(directory.Path, "config.json"), Path.Combine(golden.Directory, "config.v5.json"));
        File.CreateSymbolicLink(Path.Combine(directory.Path, "model.safetensors"), Path.Combine(golden.Directory, "model.safetensors"));
        using var run = new ModelRun(directory.Path);

        CompareWithGolden(golden, run);
    }

    [Theory]
    [MemberData(nameof(Supported))]
    public void Logits_WhenChunkedOneByOneOrBatched_AreTheSameBits(string name)
    {
        var golden = new GoldenCheckpoint(name);
        using var run = new ModelRun(golden.Directory);
        Trace[] alone = run.Run(golden.Prompts, NewTokens, new AloneSchedule());

        SameBits(alone, run.Run(golden.Prompts, NewTokens, new AloneSchedule(chunk: 1)));
        SameBits(alone, run.Run(golden.Prompts, NewTokens, new AloneSchedule(chunk: 7)));
        for (int seed = 0; seed < 6; seed++)
        {
            SameBits(alone, run.Run(golden.Prompts, NewTokens, new RandomSchedule(seed)));
        }
    }

    [Theory]
    [MemberData(nameof(Unsupported))]
    public void Load_WhenFamilyIsNotSupported_RefusesListingWhatIs(string name)
    {
        var golden = new GoldenCheckpoint(name);

        var exception = Assert.Throws<InvalidDataException>(() => new ModelRun(golden.Directory).Dispose());

        Assert.Contains("config.json", exception.Message);
        Assert.Matches("supported are (LlamaForCausalLM|default, linear)", exception.Message);
    }

    private static void CompareWithGolden(GoldenCheckpoint golden, ModelRun run)
    {
        Trace[] traces = run.Run(golden.Prompts, NewTokens, new AloneSchedule());
        double worst = traces.Select((trace, k) => golden.DistanceAtTheEnd(k, trace)).Append(golden.DistanceEverywhere(traces[2])).Max();
        TestContext.Current.TestOutputHelper?.WriteLine($"largest error {worst:0.0e+0} of {golden.Tolerance:0.0e+0} allowed");
        Assert.InRange(worst, 0, golden.Tolerance);
        Assert.Equal(golden.Greedy, traces.Select(trace => trace.Output));
        CompareTopLogprobs(golden, traces[1]);
    }

    private static void CompareTopLogprobs(GoldenCheckpoint golden, Trace trace)
    {
        var steps = golden.TopLogprobs;
        for (int step = 0; step < steps.Length; step++)
        {
            float[] logits = trace.At(golden.Prompts[1].Length - 1 + step);
            double logSum = Math.Log(logits.Sum(logit => Math.Exp(logit)));
            Assert.All(steps[step], pair => Assert.Equal(pair.Logprob, logits[pair.Id] - logSum, 2 * golden.Tolerance));
        }
    }

    private static void SameBits(Trace[] expected, Trace[] actual) =>
        Assert.All(expected.Zip(actual), pair => pair.First.AssertSameBits(pair.Second));
}
