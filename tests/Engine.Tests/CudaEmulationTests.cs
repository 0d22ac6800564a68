using KServePaged.Engine.Configuration;
using KServePaged.Engine.Contracts;
using KServePaged.Engine.Execution;
using KServePaged.Engine.Tests.Execution;
using KServePaged.Engine.Tests.Models;
using KServePaged.Engine.Tests.Weights;
using KServePaged.Kernels.Emulation;
using KServePaged.TestSupport;
using Microsoft.Extensions.Logging.Abstractions;

namespace KServePaged.Engine.Tests;

/// <summary>What the engine asks of a GPU, and how it takes one that cannot or fails. The machine is one for all tests, so they take turns.</summary>
[Collection(nameof(CudaEmulation))]
public sealed class CudaEmulationTests : IDisposable
{
    [Fact]
    public void Load_WithOptionsOfTheCpu_SaysThatTheyHaveNoEffect()
    {
        using TemporaryDirectory directory = TinyModel.Write();
        var logger = new Warnings();
        var options = new EngineOptions { ModelPath = directory.Path, Device = CudaEmulation.Library, Threads = 1, PinThreads = true, KvCacheBytes = 1 << 20, MaxSequences = 4 };

        using LoadedModel model = ModelLoader.Load(options, progress: null, logger, CancellationToken.None);

        Assert.Collection(
            logger.All,
            warning => Assert.StartsWith("threads has no effect", warning, StringComparison.Ordinal),
            warning => Assert.StartsWith("pin_threads has no effect", warning, StringComparison.Ordinal));
    }

    /// <summary>
    /// Products, rotation with the cache's write, attention over one span and over several: what one layer more adds to a step. Inputs that must be
    /// split or quantized are so by the products, and these norm and gate, however many sequences there are and whichever kernel multiplies.
    /// </summary>
    [Theory]
    [InlineData("float32", "none", 1, 1)]
    [InlineData("float32", "none", 300, 1)]
    [InlineData("float32", "int8-dynamic", 1, 1)]
    [InlineData("float32", "int8-dynamic", 1, 8)]
    [InlineData("bfloat16", "none", 1, 1)]
    [InlineData("bfloat16", "none", 1, 8)]
    [InlineData("bfloat16", "none", 300, 1)]
    [InlineData("bfloat16", "int8", 1, 1)]
    [InlineData("bfloat16", "int8-dynamic", 1, 1)]
    [InlineData("bfloat16", "int8-dynamic", 1, 8)]
    [InlineData("bfloat16", "int4", 1, 1)]
    [InlineData("float16", "none", 1, 1)]
    [InlineData("float16", "none", 1, 8)]
    [InlineData("float16", "int8", 1, 1)]
    [InlineData("float16", "int4", 1, 1)]
    [InlineData("float16", "int4", 1, 8)]
    [InlineData("bfloat16", "fp8", 1, 1)]
    [InlineData("float32", "fp8", 1, 1)]
    [InlineData("float16", "fp8", 1, 8)]
    [InlineData("float16", "none", 1, 16)]
    [InlineData("bfloat16", "int8-dynamic", 1, 64)]
    [InlineData("float32", "none", 1, 70)]
    [InlineData("bfloat16", "none", 1, 70)]
    [InlineData("float16", "none", 1, 70)]
    [InlineData("bfloat16", "int8-dynamic", 1, 70)]
    [InlineData("float16", "int4", 1, 70)]
    [InlineData("float16", "none", 1, 70, false)]
    [InlineData("bfloat16", "int8-dynamic", 1, 70, false)]
    [InlineData("bfloat16", "fp8", 1, 70, false)]
    public void Run_OfAStepThatDecodes_LaunchesSixKernelsALayer(
        string dtype, string quantization, int promptTokens, int sequences, bool isBatchInvariant = true)
    {
        Assert.Equal(2 * 6, LaunchesOfAStep(layers: 3) - LaunchesOfAStep(layers: 1));

        long LaunchesOfAStep(int layers)
        {
            using TemporaryDirectory directory = ZeroModel.Write(layers);
            using var run = new ModelRun(directory.Path, options => options with
            {
                Device = CudaEmulation.Library,
                DType = dtype,
                Quantization = quantization,
                BatchInvariant = isBatchInvariant,
                MaxSequences = Math.Max(sequences, ModelRun.MaxSequences),
            });
            int[][] prompts = [.. Enumerable.Range(0, sequences).Select(_ => Enumerable.Repeat(3, promptTokens).ToArray())];
            return Launches(newTokens: 3) - Launches(newTokens: 2);

            long Launches(int newTokens)
            {
                long before = CudaEmulation.Counts.Launches;
                run.Run(prompts, newTokens, new TogetherSchedule());
                return CudaEmulation.Counts.Launches - before;
            }
        }
    }

    [Theory]
    [InlineData("none")]
    [InlineData("fp8")]
    public void Bytes_OfTheManifest_AreWhatTheWeightsHold(string quantization) => QuantizationTests.CheckBytes(CudaEmulation.Library, quantization);

    [Theory]
    [InlineData("model.layers.1.mlp.down_proj.weight", float.NaN, "holds NaN in row 3, column 7")]
    [InlineData("model.layers.0.self_attn.v_proj.weight", float.NegativeInfinity, "holds -Infinity in row 3, column 7")]
    public void Load_OfFloat8WhenAWeightIsNotFinite_NamesIt(string tensor, float value, string expected) =>
        QuantizationTests.CheckBroken(CudaEmulation.Library, tensor, value, "fp8", expected);

    [Theory]
    [InlineData(Ailment.NoDriver, "no NVIDIA driver")]
    [InlineData(Ailment.NoDevice, "no GPU")]
    [InlineData(Ailment.OldDevice, "compute capability 8.0")]
    [InlineData(Ailment.SmallMemory, "The model does not fit")]
    [InlineData(Ailment.BusyMemory, "by other processes")]
    [InlineData(Ailment.TakenMemory, "Another process on this device takes it")]
    public async Task LoadAsync_OnAMachineThatCannot_SaysWhy(Ailment ailment, string reason)
    {
        CudaEmulation.Set(ailment);
        var refused = await Assert.ThrowsAsync<InvalidDataException>(() => LoadAsync("stories260K", cacheBytes: 512L << 20));
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
    }

    /// <summary>A slice's memory, not the GPU's, and what others leave of it, is what is divided.</summary>
    [Theory]
    [InlineData(Ailment.SmallMemory)]
    [InlineData(Ailment.BusyMemory)]
    public async Task LoadAsync_OnASliceOrBesideOthers_TakesItsShareOfWhatIsThere(Ailment ailment)
    {
        CudaEmulation.Set(ailment);
        await using ILlmEngine engine = await LoadAsync("stories260K", cacheBytes: null, memoryFraction: 0.5);
        Assert.InRange(engine.Model.MemoryBytes, 1, 32L << 20);
        Assert.Equal(3, (await CollectAsync(engine, Request(3))).Sum(delta => delta.TokenIds.Count));
    }

    [Fact]
    public async Task GenerateAsync_WhenTheDeviceFailsInMidStep_FailsTheRequestAndTheEngine()
    {
        await using ILlmEngine engine = await LoadAsync("stories260K");
        CudaEmulation.Set(Ailment.Fault);
        await Assert.ThrowsAnyAsync<Exception>(() => CollectAsync(engine, Request(4)));
        Assert.NotNull(engine.Failure);
        Assert.Contains("illegal memory access", engine.Failure.ToString(), StringComparison.Ordinal);
    }

    public void Dispose() => CudaEmulation.Set(Ailment.None);

    private static Task<ILlmEngine> LoadAsync(string model, long? cacheBytes = 8 << 20, double memoryFraction = 0.9) => LlmEngine.LoadAsync(
        new EngineOptions
        {
            ModelPath = SharedData.PathOf($"models/{model}"),
            Device = CudaEmulation.Library,
            KvCacheBytes = cacheBytes,
            MemoryFraction = memoryFraction,
            MaxSequences = 8,
        },
        progress: null,
        NullLoggerFactory.Instance,
        CancellationToken.None);

    private static GenerationRequest Request(int maxTokens) => new()
    {
        RequestId = "story",
        Prompt = new Prompt.TokenIds([1]),
        Sampling = new SamplingParameters { Temperature = 0, MaxTokens = maxTokens, IgnoreEos = true },
    };

    private static async Task<List<GenerationDelta>> CollectAsync(ILlmEngine engine, GenerationRequest request)
    {
        List<GenerationDelta> deltas = [];
        await foreach (GenerationDelta delta in engine.GenerateAsync(request, CancellationToken.None))
        {
            deltas.Add(delta);
        }
        return deltas;
    }
}
