using KServePaged.Engine.Configuration;
using KServePaged.Engine.Execution;
using KServePaged.Engine.Kernels;
using KServePaged.Engine.Models;
using KServePaged.Engine.Tests.Execution;
using KServePaged.Engine.Tests.Models;
using KServePaged.Engine.Weights;
using KServePaged.Engine.Weights.Formats;
using KServePaged.TestSupport;
using Microsoft.Extensions.Logging.Abstractions;

namespace KServePaged.Engine.Tests.Weights;

public sealed class QuantizationTests
{
    /// <summary>A published model of 260 thousand weights, whose small matrices suffer most: its logits move, by as much as the bits say.</summary>
    [Theory]
    [InlineData("int8", "float32", 0.4, 8)]
    [InlineData("int8", "bfloat16", 0.6, 8)]
    [InlineData("int8-dynamic", "float32", 0.8, 4)]
    [InlineData("int8-dynamic", "bfloat16", 0.8, 4)]
    [InlineData("int4", "float32", 4, 0)]
    [InlineData("int4", "bfloat16", 4, 0)]
    public void Logits_MoveByTheRoundingOfTheWeights(string quantization, string type, double tolerance, int sameTokens)
    {
        int[] prompt = [1, 403, 407, 261, 378, 432, 383, 286, 261, 376, 298];
        using var full = new ModelRun(SharedData.PathOf("models/stories260K"), options => options with { DType = type });
        using var quantized = new ModelRun(
            SharedData.PathOf("models/stories260K"), options => options with { DType = type, Quantization = quantization });

        Trace expected = full.Run([prompt], 16, new AloneSchedule())[0];
        Trace actual = quantized.Run([prompt], 16, new AloneSchedule())[0];

        double difference = expected.At(prompt.Length - 1).Zip(actual.At(prompt.Length - 1), (a, b) => Math.Abs((double)a - b)).Max();
        TestContext.Current.TestOutputHelper?.WriteLine($"largest difference of a logit {difference:0.000}");
        Assert.InRange(difference, 1e-3, tolerance);
        Assert.Equal(expected.Output[..sameTokens], actual.Output[..sameTokens]);
    }

    [Theory]
    [InlineData("none")]
    [InlineData("int8")]
    [InlineData("int8-dynamic")]
    [InlineData("int4")]
    public void Bytes_OfTheManifest_AreWhatTheWeightsHold(string quantization) => CheckBytes("cpu", quantization);

    /// <summary>Loads every weight of a model, and compares what they hold with what was planned.</summary>
    internal static void CheckBytes(string library, string quantization)
    {
        using TemporaryDirectory directory = TinyModel.Write();
        DecoderSpec spec = ModelRegistry.Describe(ModelConfig.Load(directory.Path));
        WeightManifest manifest = spec.Manifest();
        using Checkpoint checkpoint = Checkpoint.Open(directory.Path);
        using Device device = Device.Open(KernelLibrary.Open(library), threads: 1);
        using DeviceStream stream = device.OpenStream();
        LinearFormat storage = Quantization.FormatOf(quantization, ElementType.BFloat16);
        var owned = new List<IDisposable>();
        var loader = new WeightLoader(checkpoint, WeightFormats.Choose(null), storage, stream, owned, null, CancellationToken.None);
        foreach (LinearSpec linear in manifest.Linears)
        {
            loader.Linear(linear);
        }
        foreach (VectorSpec vector in manifest.Vectors)
        {
            loader.Vector(vector);
        }
        foreach (TableSpec table in manifest.Tables)
        {
            loader.Table(table);
        }

        Assert.Equal(owned.Sum(item => item is PackedLinear linear ? linear.Bytes : ((DeviceBuffer)item).Bytes), manifest.Bytes(device, storage));
        owned.ForEach(item => item.Dispose());
    }

    [Fact]
    public void FormatOf_WhenUnknown_ListsWhatIsPossible() => Assert.Contains(
        "quantization is \"int3\"; possible are none, int8, int8-dynamic, fp8, int4",
        Assert.Throws<InvalidDataException>(() => Quantization.FormatOf("int3", ElementType.Float32)).Message);

    [Theory]
    [InlineData("model.layers.1.mlp.down_proj.weight", float.NaN, "int8", "holds NaN in row 3, column 7")]
    [InlineData("model.layers.1.mlp.down_proj.weight", float.NegativeInfinity, "none", "holds -Infinity in row 3, column 7")]
    [InlineData("model.layers.0.self_attn.v_proj.weight", float.PositiveInfinity, "int4", "holds Infinity in row 3, column 7")]
    [InlineData("model.embed_tokens.weight", float.NaN, "none", "holds NaN in row 3, column 7")]
    [InlineData("model.norm.weight", float.NaN, "int8-dynamic", "holds NaN in row 31, column 0")]
    public void Load_WhenAWeightIsNotFinite_NamesIt(string tensor, float value, string quantization, string expected) =>
        CheckBroken("cpu", tensor, value, quantization, expected);

    /// <summary>Breaks a weight of a model, and expects that loading names it.</summary>
    internal static void CheckBroken(string device, string tensor, float value, string quantization, string expected)
    {
        using TemporaryDirectory directory = TinyModel.Write();
        string path = Path.Combine(directory.Path, "model.safetensors");
        long offset;
        using (SafetensorsFile file = SafetensorsFile.Open(path))
        {
            StoredTensor stored = file.Tensors.Single(candidate => candidate.Name == tensor);
            long index = stored.Shape.Count == 1 ? 31 : (3 * stored.Shape[1]) + 7;
            offset = stored.OffsetBytes + (index * sizeof(float));
        }
        using (FileStream file = File.OpenWrite(path))
        {
            file.Position = offset;
            file.Write(BitConverter.GetBytes(value));
        }

        string message = Assert.Throws<InvalidDataException>(() => Load(directory, quantization, device).Dispose()).Message;

        Assert.Contains($"{tensor} {expected}: the weights are broken", message);
    }

    [Fact]
    public void Load_WhenTheCheckpointIsQuantizedAlready_SaysSo()
    {
        using TemporaryDirectory directory =
            TinyModel.Write(config: TinyModel.Config.Replace("\"torch_dtype\"", "\"quantization_config\":{\"quant_method\":\"awq\"},\"torch_dtype\""));

        Assert.Contains("\"awq\"; supported are plain", Assert.Throws<InvalidDataException>(() => Load(directory, "int8").Dispose()).Message);
    }

    /// <summary>Before a weight is read.</summary>
    [Theory]
    [InlineData("cpu")]
    [InlineData("auto")]
    public void Load_OfFloat8WithoutAGpu_NamesWhatElseThereIs(string device)
    {
        Assert.SkipWhen(device == "auto" && File.Exists(KernelLibrary.PathOf("cuda")), "with the CUDA library auto may be a GPU");
        using TemporaryDirectory directory = TinyModel.Write();
        var stages = new Stages();

        string message = Assert.Throws<InvalidDataException>(() => Load(directory, "fp8", device, stages).Dispose()).Message;

        Assert.StartsWith("quantization fp8 needs a GPU, and the model would run on ", message, StringComparison.Ordinal);
        Assert.EndsWith("; on a CPU int8 is as small, and loses less.", message, StringComparison.Ordinal);
        Assert.Equal(["config"], stages.Names);
    }

    private sealed class Stages : IProgress<LoadProgress>
    {
        public List<string> Names { get; } = [];

        public void Report(LoadProgress value) => Names.Add(value.Stage);
    }

    private static LoadedModel Load(TemporaryDirectory directory, string quantization, string device = "cpu", IProgress<LoadProgress>? progress = null) => ModelLoader.Load(
        new EngineOptions
        {
            ModelPath = directory.Path,
            MaxSequences = 4,
            MaxBatchedTokens = 32,
            KvCacheBytes = 4 << 20,
            Threads = device == "cpu" ? 1 : 0,
            Device = device,
            Quantization = quantization,
        },
        progress,
        NullLogger.Instance,
        CancellationToken.None);
}
