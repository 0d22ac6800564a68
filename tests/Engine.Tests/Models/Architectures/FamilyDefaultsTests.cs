using System.Text.Json.Nodes;
using KServePaged.Engine.Models;
using KServePaged.Engine.Models.Layers;
using KServePaged.TestSupport;

namespace KServePaged.Engine.Tests.Models.Architectures;

/// <summary>A configuration that says nothing describes the same model as one that spells out what transformers assumes.</summary>
public sealed class FamilyDefaultsTests
{
    [Theory]
    [InlineData("LlamaForCausalLM", "llama")]
    [InlineData("MistralForCausalLM", "mistral")]
    [InlineData("Qwen2ForCausalLM", "qwen2")]
    public void MissingKeys_MeanWhatTransformersAssumes(string architecture, string family)
    {
        JsonObject defaults = JsonNode.Parse(File.ReadAllText(SharedData.PathOf("golden/config_defaults.json")))!["defaults"]![family]!.AsObject();
        string spelledOut = string.Join(',', defaults.Select(entry => $"\"{entry.Key}\":{entry.Value?.ToJsonString() ?? "null"}"));

        DecoderSpec silent = ModelRegistry.Describe(ConfigText.Of(architecture));

        Assert.Equal(Summary(ModelRegistry.Describe(ConfigText.Of(architecture, spelledOut))), Summary(silent));
    }

    private static string Summary(DecoderSpec spec) => string.Join('\n', spec.Blocks.Select(Summary).Prepend(
        $"{spec.VocabularySize} {spec.HiddenSize} {spec.MaxPositions} {spec.FinalNorm} {Summary(spec.Head.Parts)}"));

    private static string Summary(BlockSpec block)
    {
        var preNorm = Assert.IsType<PreNormBlockSpec>(block);
        var attention = Assert.IsType<AttentionSpec>(preNorm.Attention);
        var mlp = Assert.IsType<GatedMlpSpec>(preNorm.FeedForward);
        return $"{preNorm.AttentionNorm} {preNorm.FeedForwardNorm} {attention.QueryHeads} {attention.KvHeads} {attention.HeadDim} " +
            $"{attention.Scale} {attention.Window} {string.Join(' ', attention.Rotary!.InverseFrequencies)} " +
            $"{Summary(attention.QueryKeyValue.Parts)} {Summary(attention.Output.Parts)} {mlp.Activation} {Summary(mlp.GateUp.Parts)} {Summary(mlp.Down.Parts)}";
    }

    private static string Summary(IEnumerable<Engine.Weights.LinearPart> parts) => string.Join(' ', parts);
}
