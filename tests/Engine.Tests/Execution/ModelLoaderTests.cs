using KServePaged.Engine.Configuration;
using KServePaged.Engine.Execution;
using KServePaged.Engine.Tests.Weights;
using Microsoft.Extensions.Logging.Abstractions;

namespace KServePaged.Engine.Tests.Execution;

public sealed class ModelLoaderTests
{
    [Fact]
    public void Load_TellsWhatTheModelIs()
    {
        using TemporaryDirectory directory = TinyModel.Write(file => file.AddZeros("model.layers.0.self_attn.rotary_emb.inv_freq", 4));
        directory.Write("generation_config.json", """{"temperature":0.5}""");

        using LoadedModel model = Load(directory);

        Assert.Equal(("LlamaForCausalLM", "float32", TinyModel.Vocabulary, 256), (model.Architecture, model.DType, model.VocabularySize, model.MaxModelLength));
        Assert.Equal((2 * 40 * 32) + 32 + (2 * ((2 * 32) + (32 * 32 * 2) + (2 * 16 * 32) + (3 * 24 * 32))), model.ParameterCount);
        Assert.Equal([2, 39], model.EndTokenIds); // 40 is no id of this vocabulary
        Assert.Equal(0.5, model.Defaults.Temperature);
        Assert.True(model.BlockCount * model.BlockTokens >= model.MaxModelLength);
        Assert.True(model.MaxLogitRows >= 4);
    }

    [Fact]
    public void Load_WhenGenerationConfigNamesEndTokens_TakesThose()
    {
        using TemporaryDirectory directory = TinyModel.Write();
        directory.Write("generation_config.json", """{"eos_token_id":7}""");

        using LoadedModel model = Load(directory);

        Assert.Equal([7], model.EndTokenIds);
    }

    [Fact]
    public void Load_ReportsStagesAndBytesInRisingOrder()
    {
        using TemporaryDirectory directory = TinyModel.Write();
        var reports = new Reports();

        using LoadedModel model = ModelLoader.Load(Options(directory), reports, NullLogger.Instance, CancellationToken.None);

        Assert.Equal(["config", "weights", "cache"], reports.All.Select(report => report.Stage).Distinct());
        LoadProgress[] weights = [.. reports.All.Where(report => report.Stage == "weights")];
        Assert.Equal(weights.OrderBy(report => report.BytesDone), weights);
        Assert.Equal((0, model.ParameterCount * 4), (weights[0].BytesDone, weights[^1].BytesDone));
        Assert.All(weights, report => Assert.Equal(model.ParameterCount * 4, report.BytesTotal));
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, false)]
    [InlineData(1000, true)]
    public void Load_WithMoreThreadsThanProcessors_SaysSo(int threads, bool warns)
    {
        using TemporaryDirectory directory = TinyModel.Write();
        var logger = new Warnings();

        using LoadedModel model = ModelLoader.Load(
            Options(directory) with { Threads = threads }, progress: null, logger, CancellationToken.None);

        string expected = $"threads is 1000, but this process may use {Environment.ProcessorCount} processors, "
            + "so workers wait for one another; use at most that many, or 0";
        Assert.Equal(warns ? [expected] : [], logger.All);
    }

    [Fact]
    public void Load_WhenCancelledBetweenTensors_Stops()
    {
        using TemporaryDirectory directory = TinyModel.Write();
        using var cancellation = new CancellationTokenSource();
        var reports = new Reports { OnReport = report => { if (report.BytesDone > 0) { cancellation.Cancel(); } } };

        Assert.Throws<OperationCanceledException>(() => ModelLoader.Load(Options(directory), reports, NullLogger.Instance, cancellation.Token));
        Assert.True(reports.All[^1].BytesDone < reports.All[^1].BytesTotal);
    }

    [Theory]
    [InlineData("\"torch_dtype\":\"float32\"", "\"quantization_config\":{\"quant_method\":\"awq\"}", "\"awq\"; supported are plain")]
    [InlineData("LlamaForCausalLM", "GPT2LMHeadModel", "supported are LlamaForCausalLM")]
    [InlineData("\"vocab_size\":40", "\"vocab_size\":41", "model.embed_tokens.weight has shape [40, 32], needed is [41, 32]")]
    [InlineData("\"num_hidden_layers\":2", "\"num_hidden_layers\":3", "Missing: model.layers.2.self_attn.q_proj.weight")]
    [InlineData("\"num_hidden_layers\":2", "\"num_hidden_layers\":1", "used by nothing: model.layers.1.input_layernorm.weight")]
    public void Load_WhenConfigAndWeightsDisagree_SaysHow(string from, string to, string expected)
    {
        using TemporaryDirectory directory = TinyModel.Write(config: TinyModel.Config.Replace(from, to));

        var exception = Assert.Throws<InvalidDataException>(() => Load(directory).Dispose());

        Assert.Contains(directory.Path, exception.Message);
        Assert.Contains(expected, exception.Message);
    }

    [Fact]
    public void Load_WhenWeightsAreTruncated_NamesTheFile()
    {
        using TemporaryDirectory directory = TinyModel.Write();
        byte[] weights = TinyModel.Weights();
        string path = directory.Write("model.safetensors", weights[..^9]);

        Assert.Contains(path, Assert.Throws<InvalidDataException>(() => Load(directory).Dispose()).Message);
    }

    [Fact]
    public void Load_WhenAnOptionIsImpossible_NamesItAndWhatIsPossible()
    {
        using TemporaryDirectory directory = TinyModel.Write();

        Refuses(Options(directory) with { DType = "int4" }, "dtype is \"int4\"; possible are auto, float32, bfloat16, float16");
        Refuses(Options(directory) with { Device = "tpu" }, "device is \"tpu\"; possible are auto, cpu, cuda");
        Refuses(Options(directory) with { Isa = "avx9" }, "isa is \"avx9\"; possible are auto, scalar");
    }

    private static void Refuses(EngineOptions options, string expected) => Assert.Contains(
        expected,
        Assert.Throws<InvalidDataException>(() => ModelLoader.Load(options, null, NullLogger.Instance, CancellationToken.None).Dispose()).Message);

    private static EngineOptions Options(TemporaryDirectory directory) => new()
    {
        ModelPath = directory.Path,
        MaxSequences = 4,
        MaxBatchedTokens = 32,
        KvCacheBytes = 4 << 20,
        Threads = 1,
    };

    private static LoadedModel Load(TemporaryDirectory directory) =>
        ModelLoader.Load(Options(directory), progress: null, NullLogger.Instance, CancellationToken.None);

    private sealed class Reports : IProgress<LoadProgress>
    {
        public List<LoadProgress> All { get; } = [];

        public Action<LoadProgress>? OnReport { get; init; }

        public void Report(LoadProgress value)
        {
            All.Add(value);
            OnReport?.Invoke(value);
        }
    }
}
