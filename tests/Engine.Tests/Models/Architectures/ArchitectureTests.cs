using KServePaged.Engine.Kernels;
using KServePaged.Engine.Models;
using KServePaged.Engine.Models.Layers;

namespace KServePaged.Engine.Tests.Models.Architectures;

public sealed class ArchitectureTests
{
    private static string Null => "\"num_key_value_heads\":null";

    [Fact]
    public void Llama_WhenKeysAreMissing_TakesTheFamilysDefaults()
    {
        DecoderSpec spec = ModelRegistry.Describe(ConfigText.Of("LlamaForCausalLM"));

        AttentionSpec attention = Attention(spec, 0);
        Assert.Equal((4096, 32000, 2048, 32), (spec.HiddenSize, spec.VocabularySize, spec.MaxPositions, spec.Blocks.Count));
        Assert.Equal((32, 32, 128), (attention.QueryHeads, attention.KvHeads, attention.HeadDim));
        Assert.Equal(11008, Mlp(spec, 0).Down.InFeatures);
        Assert.Equal(Activation.Silu, Mlp(spec, 0).Activation);
        Assert.Null(attention.Window);
        Assert.Equal("lm_head", Assert.Single(spec.Head.Parts).Name);
        Assert.Equal(1e-6, Assert.IsType<RmsNormSpec>(spec.FinalNorm).Epsilon);
        Assert.Equal(Math.Pow(10000, -2.0 / 128), attention.Rotary!.InverseFrequencies[1]);
    }

    [Fact]
    public void Mistral_WhenKeysAreMissing_TakesTheFamilysDefaults()
    {
        DecoderSpec spec = ModelRegistry.Describe(ConfigText.Of("MistralForCausalLM"));

        AttentionSpec attention = Attention(spec, 31);
        Assert.Equal((4096, 32000, 131072, 32), (spec.HiddenSize, spec.VocabularySize, spec.MaxPositions, spec.Blocks.Count));
        Assert.Equal((32, 8, 128), (attention.QueryHeads, attention.KvHeads, attention.HeadDim));
        Assert.Equal(14336, Mlp(spec, 0).Down.InFeatures);
        Assert.Equal(4096, attention.Window);
    }

    [Fact]
    public void Qwen2_WhenKeysAreMissing_TakesTheFamilysDefaults()
    {
        DecoderSpec spec = ModelRegistry.Describe(ConfigText.Of("Qwen2ForCausalLM"));

        AttentionSpec attention = Attention(spec, 31);
        Assert.Equal((4096, 151936, 32768, 32), (spec.HiddenSize, spec.VocabularySize, spec.MaxPositions, spec.Blocks.Count));
        Assert.Equal((32, 32, 128), (attention.QueryHeads, attention.KvHeads, attention.HeadDim));
        Assert.Equal(22016, Mlp(spec, 0).Down.InFeatures);
        Assert.Null(attention.Window);
        Assert.All(attention.QueryKeyValue.Parts, part => Assert.True(part.HasBias));
        Assert.False(attention.Output.HasBias);
    }

    [Theory]
    [InlineData("LlamaForCausalLM", 4)]
    [InlineData("MistralForCausalLM", 4)]
    [InlineData("Qwen2ForCausalLM", 4)]
    public void KvHeads_WhenNull_AreTheQueryHeads(string architecture, int expected) => Assert.Equal(
        expected,
        Attention(
            ModelRegistry.Describe(ConfigText.Of(
                architecture, $"\"hidden_size\":32,\"num_attention_heads\":4,\"num_hidden_layers\":1,\"intermediate_size\":24,{Null}")),
            0).KvHeads);

    [Fact]
    public void Llama_WhenBiasesAreOn_PutsThemOnEveryProduct()
    {
        DecoderSpec spec = ConfigText.Describe("LlamaForCausalLM", "\"attention_bias\":true,\"mlp_bias\":true");

        Assert.All(spec.Blocks.SelectMany(block => block.Linears).SelectMany(linear => linear.Parts), part => Assert.True(part.HasBias));
        Assert.False(spec.Head.HasBias);
    }

    [Fact]
    public void HeadDim_WhenGiven_IsIndependentOfTheHiddenSize()
    {
        AttentionSpec attention = Attention(ConfigText.Describe("LlamaForCausalLM", "\"head_dim\":24"), 1);

        Assert.Equal(24, attention.HeadDim);
        Assert.Equal((4 + 2 + 2) * 24, attention.QueryKeyValue.OutFeatures);
        Assert.Equal(4 * 24, attention.Output.InFeatures);
        Assert.Equal(1 / Math.Sqrt(24), attention.Scale);
        Assert.Equal(12, attention.Rotary!.InverseFrequencies.Count);
    }

    [Fact]
    public void TiedEmbedding_IsTheHead()
    {
        DecoderSpec spec = ConfigText.Describe("LlamaForCausalLM", "\"tie_word_embeddings\":true");

        Assert.Equal("model.embed_tokens", Assert.Single(spec.Head.Parts).Name);
        Assert.Equal("model.embed_tokens.weight", spec.Copies["lm_head.weight"]);
    }

    [Theory]
    [InlineData("MistralForCausalLM", "\"sliding_window\":16", new[] { 16, 16 })]
    [InlineData("MistralForCausalLM", "\"sliding_window\":null", new[] { 0, 0 })]
    [InlineData("MistralForCausalLM", "\"sliding_window\":16,\"layer_types\":[\"full_attention\",\"sliding_attention\"]", new[] { 0, 16 })]
    [InlineData("LlamaForCausalLM", "\"sliding_window\":16", new[] { 0, 0 })]
    [InlineData("Qwen2ForCausalLM", "\"sliding_window\":16,\"max_window_layers\":1", new[] { 0, 0 })]
    [InlineData("Qwen2ForCausalLM", "\"sliding_window\":16,\"max_window_layers\":0,\"use_sliding_window\":false", new[] { 0, 0 })]
    [InlineData("Qwen2ForCausalLM", "\"sliding_window\":16,\"max_window_layers\":1,\"use_sliding_window\":true", new[] { 0, 16 })]
    [InlineData("Qwen2ForCausalLM", "\"sliding_window\":16,\"use_sliding_window\":true", new[] { 0, 0 })]
    [InlineData("Qwen2ForCausalLM", "\"max_window_layers\":0,\"use_sliding_window\":true", new[] { 4096, 4096 })]
    [InlineData("Qwen2ForCausalLM", "\"sliding_window\":null,\"max_window_layers\":0,\"use_sliding_window\":true", new[] { 0, 0 })]
    [InlineData(
        "Qwen2ForCausalLM",
        "\"sliding_window\":16,\"max_window_layers\":2,\"use_sliding_window\":true,\"layer_types\":[\"sliding_attention\",\"full_attention\"]",
        new[] { 16, 0 })]
    public void Window_FollowsTheFamilysRule(string architecture, string rest, int[] expected)
    {
        DecoderSpec spec = ConfigText.Describe(architecture, rest);

        Assert.Equal(expected, Enumerable.Range(0, 2).Select(layer => Attention(spec, layer).Window ?? 0));
    }

    [Theory]
    [InlineData("silu", Activation.Silu)]
    [InlineData("gelu", Activation.Gelu)]
    [InlineData("gelu_pytorch_tanh", Activation.GeluTanh)]
    [InlineData("relu", Activation.Relu)]
    public void Activation_FollowsTheConfiguration(string name, object expected) =>
        Assert.Equal(expected, Mlp(ConfigText.Describe("LlamaForCausalLM", $"\"hidden_act\":\"{name}\""), 0).Activation);

    [Theory]
    [InlineData("LlamaForCausalLM", "\"hidden_act\":\"quick_gelu\"", "supported are silu")]
    [InlineData("LlamaForCausalLM", "\"num_key_value_heads\":3", "divisor of the 4 attention heads")]
    [InlineData("LlamaForCausalLM", "\"head_dim\":7", "even number")]
    [InlineData("LlamaForCausalLM", "\"head_dim\":1024", "from 1 to 512")]
    [InlineData("LlamaForCausalLM", "\"num_attention_heads\":5,\"num_key_value_heads\":5", "without head_dim it must divide hidden_size 32")]
    [InlineData("LlamaForCausalLM", "\"num_hidden_layers\":0", "from 1 to")]
    [InlineData("LlamaForCausalLM", "\"num_hidden_layers\":1e9", "from 1 to")]
    [InlineData("LlamaForCausalLM", "\"vocab_size\":0", "from 1 to")]
    [InlineData("LlamaForCausalLM", "\"rms_norm_eps\":-1", "from 0 to 1")]
    [InlineData("LlamaForCausalLM", "\"tie_word_embeddings\":\"yes\"", "true or false")]
    [InlineData("LlamaForCausalLM", "\"layer_types\":[\"sliding_attention\",\"full_attention\"]", "full attention only")]
    [InlineData("MistralForCausalLM", "\"layer_types\":[\"full_attention\"]", "2 entries are needed")]
    [InlineData("Qwen2ForCausalLM", "\"layer_types\":[\"chunked_attention\",\"full_attention\"]", "supported are full_attention and sliding_attention")]
    [InlineData("MistralForCausalLM", "\"sliding_window\":0", "\"sliding_window\" is 0")]
    public void Describe_WhenSomethingIsNotSupported_NamesIt(string architecture, string rest, string expected)
    {
        string message = ConfigText.Refusal(architecture, rest);

        Assert.Contains("config.json", message);
        Assert.Contains(expected, message);
    }

    private static AttentionSpec Attention(DecoderSpec spec, int layer) =>
        Assert.IsType<AttentionSpec>(Assert.IsType<PreNormBlockSpec>(spec.Blocks[layer]).Attention);

    private static GatedMlpSpec Mlp(DecoderSpec spec, int layer) =>
        Assert.IsType<GatedMlpSpec>(Assert.IsType<PreNormBlockSpec>(spec.Blocks[layer]).FeedForward);
}
