using System.Text.Json;
using KServePaged.Engine.Configuration;
using KServePaged.Engine.Contracts;
using KServePaged.Engine.Tests.Models;
using KServePaged.Kernels.Emulation;
using KServePaged.TestSupport;
using Microsoft.Extensions.Logging.Abstractions;

namespace KServePaged.Engine.Tests;

/// <summary>The whole engine on the CUDA kernels: emulated, and on a GPU where the library for it is installed.</summary>
[Collection(nameof(CudaEmulation))]
public sealed class CudaTests
{
    private static bool IsSlow => Environment.GetEnvironmentVariable("KSERVEPAGED_SLOW") == "1";

    public static TheoryData<string> Libraries { get; } = [.. CudaEmulation.Libraries];

    public static TheoryData<string, string, string, string> Cases
    {
        get
        {
            var cases = new TheoryData<string, string, string, string>();
            foreach (string library in CudaEmulation.Libraries)
            {
                cases.Add(library, "stories260K", "auto", "none");
                cases.Add(library, "stories260K-bf16", "auto", "none");
                cases.Add(library, "stories260K-bf16", "int8", "int4");
                cases.Add(library, "stories260K-bf16", "float16", "int8-dynamic");
                cases.Add(library, "stories260K-bf16", "auto", "fp8");
            }
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    public async Task GenerateAsync_FromBosAlone_TellsThePublishedStory(string library)
    {
        int count = IsSlow ? 200 : 40;
        var options = new EngineOptions { ModelPath = SharedData.PathOf("models/stories260K"), Device = library, KvCacheBytes = 8 << 20, MaxSequences = 8 };
        await using ILlmEngine engine = await LlmEngine.LoadAsync(options, progress: null, NullLoggerFactory.Instance, CancellationToken.None);
        using JsonDocument expected = JsonDocument.Parse(File.ReadAllBytes(SharedData.PathOf("models/stories260K_expected_public.json")));
        JsonElement published = expected.RootElement.GetProperty("third_party");

        var request = new GenerationRequest
        {
            RequestId = "story",
            Prompt = new Prompt.TokenIds([1]),
            Sampling = new SamplingParameters { Temperature = 0, MaxTokens = count, IgnoreEos = true },
        };
        List<GenerationDelta> deltas = [];
        await foreach (GenerationDelta delta in engine.GenerateAsync(request, CancellationToken.None))
        {
            deltas.Add(delta);
        }

        string text = string.Concat(deltas.Select(delta => delta.Text));
        Assert.StartsWith(text, published.GetProperty("text_200_new_tokens").GetString(), StringComparison.Ordinal);
        int[] ids = [.. published.GetProperty("ids_257_incl_bos").EnumerateArray().Skip(1).Take(count).Select(id => id.GetInt32())];
        Assert.Equal(ids, deltas.SelectMany(delta => delta.TokenIds));
    }

    /// <summary>The whole engine: steps begun ahead, recorded ones, preemption, prefixes found again, every part of sampling.</summary>
    [Theory]
    [MemberData(nameof(Libraries))]
    public void Outputs_AloneAndInRandomCompany_AreTheSameBits(string library) =>
        BatchInvarianceTests.Check("stories260K-bf16", "auto", IsSlow ? 60 : 14, batches: 1, device: library, isSmall: !IsSlow);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Logits_WhenBatchedAtRandom_AreTheSameBits(string library, string model, string cache, string quantization)
    {
        using var run = new ModelRun(
            SharedData.PathOf($"models/{model}"), options => options with { Device = library, DType = "auto", KvCacheDType = cache, Quantization = quantization });
        var random = new Random(12);
        int[][] prompts = [.. Enumerable.Range(0, IsSlow ? 12 : 4).Select(_ => Prompt(random))];
        Trace[] alone = run.Run(prompts, 3, new AloneSchedule());
        Trace[] batched = run.Run(prompts, 3, new RandomSchedule(1));
        Assert.All(alone.Zip(batched), pair => pair.First.AssertSameBits(pair.Second));
    }

    /// <summary>A prompt of more rows than the wide kernel's tile has. Only on the emulation is it known to round as the others do.</summary>
    [Theory]
    [InlineData("none")]
    [InlineData("int4")]
    [InlineData("fp8")]
    public void Logits_OfALongPromptWithoutBatchInvariance_AreTheSameBitsOnTheEmulation(string quantization)
    {
        Assert.SkipUnless(CudaEmulation.IsWanted(CudaEmulation.Library), "another library is to be tested");
        var random = new Random(3);
        int[][] prompts = [[.. Enumerable.Range(0, 150).Select(_ => random.Next(3, 512))]];
        Trace[] Run(bool isInvariant)
        {
            using var run = new ModelRun(
                SharedData.PathOf("models/stories260K-bf16"),
                options => options with
                {
                    Device = CudaEmulation.Library,
                    DType = "auto",
                    KvCacheDType = "auto",
                    Quantization = quantization,
                    BatchInvariant = isInvariant,
                });
            return run.Run(prompts, 2, new AloneSchedule());
        }
        Assert.All(Run(isInvariant: true).Zip(Run(isInvariant: false)), pair => pair.First.AssertSameBits(pair.Second));
    }

    public static TheoryData<string, string, double> Float8Cases
    {
        get
        {
            var cases = new TheoryData<string, string, double>();
            foreach (string library in CudaEmulation.Libraries)
            {
                cases.Add(library, "float32", 1);
                cases.Add(library, "bfloat16", 1);
                cases.Add(library, "float16", 1);
            }
            return cases;
        }
    }

    /// <summary>As the other quantizations on a CPU: the logits of a story move, by as much as three bits of mantissa say, and its greedy tokens stay.</summary>
    [Theory]
    [MemberData(nameof(Float8Cases))]
    public void Logits_OfFloat8_MoveByTheRoundingOfTheWeights(string library, string type, double tolerance)
    {
        int[] prompt = [1, 403, 407, 261, 378, 432, 383, 286, 261, 376, 298];
        Trace Run(string quantization)
        {
            using var run = new ModelRun(
                SharedData.PathOf("models/stories260K"), options => options with { Device = library, DType = type, Quantization = quantization });
            return run.Run([prompt], 16, new AloneSchedule())[0];
        }
        Trace expected = Run("none");
        Trace actual = Run("fp8");

        double difference = expected.At(prompt.Length - 1).Zip(actual.At(prompt.Length - 1), (a, b) => Math.Abs((double)a - b)).Max();
        int same = expected.Output.Zip(actual.Output).TakeWhile(pair => pair.First == pair.Second).Count();
        TestContext.Current.TestOutputHelper?.WriteLine($"largest difference of a logit {difference:0.000}, {same} tokens alike");
        Assert.InRange(difference, 1e-3, tolerance);
        Assert.InRange(same, 4, 16);
    }

    private static int[] Prompt(Random random) => [.. Enumerable.Range(0, random.Next(1, 40)).Select(_ => random.Next(3, 512))];
}
