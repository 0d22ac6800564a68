using KServePaged.Engine.Configuration;
using KServePaged.Engine.Execution;
using KServePaged.Engine.Kernels;
using KServePaged.Engine.Models;
using KServePaged.Engine.Tests.Models;

namespace KServePaged.Engine.Tests.Execution;

public sealed class EnginePlannerTests : IDisposable
{
    // Two layers with two kv heads of 8: 2 * 2 * 2 * 8 floats a token.
    private const int TokenBytes = 2 * 2 * 2 * 8 * 4;

    private readonly Device _device = Device.Open(KernelLibrary.Open("cpu"), threads: 1);

    public void Dispose() => _device.Dispose();

    [Fact]
    public void Resolve_WhenPoolIsAmple_TakesWhatAllSequencesCanFill()
    {
        EnginePlan plan = Resolve(Options() with { MaxSequences = 3, BlockTokens = 16, KvCacheBytes = 64 << 20 });

        Assert.Equal((100, 3 * 7, 16), (plan.MaxModelLength, plan.BlockCount, plan.BlockTokens));
    }

    [Fact]
    public void Resolve_WhenPoolIsSmall_TakesWholeBlocks()
    {
        EnginePlan plan = Resolve(Options() with { KvCacheBytes = (20 * 16 * TokenBytes) + 5 });

        Assert.Equal(20, plan.BlockCount);
    }

    [Fact]
    public void Resolve_WhenOneSequenceDoesNotFit_CutsTheContextThatNobodyAskedFor()
    {
        EnginePlan plan = Resolve(Options() with { KvCacheBytes = 3 * 16 * TokenBytes });

        Assert.Equal((48, 3), (plan.MaxModelLength, plan.BlockCount));
    }

    [Fact]
    public void Resolve_WhenTheLengthAskedForDoesNotFit_RefusesWithFigures()
    {
        string message = Refusal(Options() with { MaxModelLength = 90, KvCacheBytes = 3 * 16 * TokenBytes });

        Assert.Contains("3 blocks of 16 tokens, but a sequence of 90 tokens takes 6 blocks", message);
        Assert.Contains("Raise kv_cache_memory or memory_fraction, or lower max_model_len", message);
    }

    [Fact]
    public void Resolve_WhenNotEvenABlockFits_Refuses() => Assert.Contains("hold 0 blocks", Refusal(Options() with { KvCacheBytes = 100 }));

    [Fact]
    public void Resolve_WhenTheLengthExceedsTheModels_Refuses() =>
        Assert.Contains("max_model_len is 101, but the model was made for 100 positions", Refusal(Options() with { MaxModelLength = 101 }));

    [Fact]
    public void Resolve_WhenTheModelIsLargerThanMemory_RefusesWithFigures()
    {
        DecoderSpec huge = ModelRegistry.Describe(ConfigText.Of(
            "LlamaForCausalLM", "\"hidden_size\":65536,\"num_attention_heads\":512,\"num_hidden_layers\":400,\"intermediate_size\":262144"));

        string message = Assert.Throws<InvalidDataException>(() => new EnginePlanner(Options(), huge, _device).Resolve(LinearFormat.Plain(ElementType.BFloat16))).Message;

        Assert.Matches(@"does not fit: it takes weights [\d.]+ TiB, activations [\d.]+ \w+", message);
        Assert.Contains("memory_fraction 0.9 of the", message);
    }

    [Theory]
    [InlineData(true, 1000, 840)] // in MiB: the process itself needs some of a CPU's
    [InlineData(true, 200, 100)] // never more than half
    [InlineData(false, 1000, 1000)] // and nothing of a device of its own
    public void UsableBytes_LeavesRoomForTheProcess(bool isCpu, long free, long expected) =>
        Assert.Equal(expected << 20, EnginePlanner.UsableBytes(new DeviceInfo("x", isCpu ? Isa.Avx2 : Isa.Auto, 1, 4000L << 20, free << 20, HasGraphs: false)));

    [Fact]
    public void Resolve_WithAShareOfTheMemory_StaysWithinItOrSaysSo()
    {
        EnginePlan plan = Resolve(Options() with { MemoryBytes = 1 << 20, MaxSequences = 4096 });
        Assert.InRange(plan.Memory.Total, (1 << 20) - (16 * TokenBytes), 1 << 20); // all of it, but for less than a block
        Assert.Contains("its share of the memory for models is 10 KiB", Refusal(Options() with { MemoryBytes = 10 << 10 }));
    }

    [Fact]
    public void Resolve_WhenTheCacheAskedForIsLargerThanMemory_Refuses() =>
        Assert.Contains("kv_cache_memory asks for 64 TiB", Refusal(Options() with { KvCacheBytes = 64L << 40 }));

    [Theory]
    [InlineData(ElementType.BFloat16, "auto", ElementType.BFloat16, CacheType.BFloat16)]
    [InlineData(ElementType.Float16, "auto", ElementType.Float32, CacheType.Float32)]
    [InlineData(ElementType.Float32, "auto", ElementType.Float32, CacheType.Float32)]
    [InlineData(ElementType.Float32, "float16", ElementType.Float32, CacheType.Float16)]
    [InlineData(ElementType.BFloat16, "int8", ElementType.BFloat16, CacheType.Int8)]
    public void Resolve_ChoosesTypes(object weights, string cacheOption, object compute, object cache)
    {
        var planner = new EnginePlanner(Options() with { KvCacheDType = cacheOption }, Spec(), _device);

        EnginePlan plan = planner.Resolve(LinearFormat.Plain((ElementType)weights));

        Assert.Equal((compute, cache), (plan.Limits.ComputeType, plan.CacheType));
    }

    [Fact]
    public void Resolve_WhenCacheTypeIsUnknown_ListsWhatIsPossible() => Assert.Contains(
        "kv_cache_dtype is \"int3\"; possible are auto, float32, bfloat16, float16", Refusal(Options() with { KvCacheDType = "int3" }));

    [Theory]
    [InlineData("fp8")]
    [InlineData("fp8_e4m3")]
    public void Resolve_WhenCacheTypeIsAnEightBitFloat_NamesInt8(string type) =>
        Assert.Contains("8-bit floats are not supported, int8 takes the same memory", Refusal(Options() with { KvCacheDType = type }));

    [Fact]
    public void Resolve_WhenScalesWouldNotBeAligned_SaysWhatBlockSizeIs()
    {
        DecoderSpec odd = ConfigText.Describe("LlamaForCausalLM", "\"vocab_size\":64,\"max_position_embeddings\":100,\"head_dim\":6");
        EngineOptions options = Options() with { KvCacheDType = "int8", BlockTokens = 3 };
        string message = Assert.Throws<InvalidDataException>(() => new EnginePlanner(options, odd, _device).Resolve(LinearFormat.Plain(ElementType.Float32))).Message;
        Assert.Contains("block_size is 3; use 4 or 16", message);
    }

    [Fact]
    public void Resolve_WithAnInt8Cache_CountsTheScales()
    {
        const int Int8TokenBytes = 2 * 2 * 2 * (8 + 4);
        EnginePlan plan = Resolve(Options() with { KvCacheDType = "int8", KvCacheBytes = (20 * 16 * Int8TokenBytes) + 5 });
        Assert.Equal(20, plan.BlockCount);
    }

    [Fact]
    public void Resolve_GivesEverySequenceALogitRowAndNoMoreThanTokens()
    {
        Assert.Equal(8, Resolve(Options() with { MaxSequences = 64, MaxBatchedTokens = 8 }).Limits.LogitRows);
        Assert.Equal(64, Resolve(Options() with { MaxSequences = 2, MaxBatchedTokens = 64 }).Limits.LogitRows); // rows are cheap: few ids
    }

    [Fact]
    public void Memory_NamesEveryPart()
    {
        EnginePlan plan = Resolve(Options() with { KvCacheBytes = 20 * 16 * TokenBytes });

        Assert.Matches("^weights .*, activations .*, logits .*, sampling .*, cache 80 KiB$", plan.Memory.ToString());
    }

    private static EngineOptions Options() => new() { ModelPath = "unused", MaxSequences = 4, MaxBatchedTokens = 32, BlockTokens = 16 };

    private static DecoderSpec Spec() => ConfigText.Describe("LlamaForCausalLM", "\"vocab_size\":64,\"max_position_embeddings\":100");

    private EnginePlan Resolve(EngineOptions options) => new EnginePlanner(options, Spec(), _device).Resolve(LinearFormat.Plain(ElementType.Float32));

    private string Refusal(EngineOptions options) => Assert.Throws<InvalidDataException>(() => Resolve(options)).Message;
}
