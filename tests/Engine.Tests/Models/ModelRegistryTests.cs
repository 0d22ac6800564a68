using System.Text;
using KServePaged.Engine.Models;
using KServePaged.Engine.Weights.Formats;

namespace KServePaged.Engine.Tests.Models;

public sealed class ModelRegistryTests
{
    [Theory]
    [InlineData("GPT2LMHeadModel")]
    [InlineData("BertModel")]
    [InlineData("LlamaForSequenceClassification")]
    public void Describe_WhenArchitectureIsUnknown_ListsWhatIsSupported(string architecture)
    {
        string message = ConfigText.Refusal(architecture, "");

        Assert.Contains(architecture, message);
        Assert.Contains("supported are LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM", message);
    }

    [Fact]
    public void EveryArchitectureFile_IsInTheRegistry()
    {
        string[] inCode = [.. typeof(ModelRegistry).Assembly.GetTypes()
            .Where(type => type.Namespace == "KServePaged.Engine.Models.Architectures" && type.GetField("Name") is not null)
            .Select(type => (string)type.GetField("Name")!.GetRawConstantValue()!)];

        Assert.Equal(inCode.Order(StringComparer.Ordinal), ModelRegistry.Names.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("""{}""", "\"architectures\" is missing")]
    [InlineData("""{"architectures":[]}""", "\"architectures\" is []")]
    [InlineData("""{"architectures":[5]}""", "a list of texts")]
    [InlineData("""[]""", "no JSON object")]
    [InlineData("""{"architectures":["LlamaForCausalLM"],"eos_token_id":"x"}""", "\"eos_token_id\" is \"x\"")]
    [InlineData("""{"architectures":["LlamaForCausalLM"],"eos_token_id":[1,-2]}""", "\"eos_token_id\" is [1,-2]")]
    [InlineData("""{"architectures":["LlamaForCausalLM"],"quantization_config":5}""", "an object is needed")]
    [InlineData("""{"architectures":["LlamaForCausalLM"],""", "not valid JSON")]
    public void Parse_WhenConfigIsBroken_NamesFileAndField(string json, string expected)
    {
        var exception = Assert.Throws<InvalidDataException>(() => ModelConfig.Parse(Encoding.UTF8.GetBytes(json), "dir/config.json"));

        Assert.Contains("dir/config.json", exception.Message);
        Assert.Contains(expected, exception.Message);
    }

    [Theory]
    [InlineData("""{"architectures":["X"],"dtype":"float16","eos_token_id":7}""", "float16", new[] { 7 })]
    [InlineData("""{"architectures":["X"],"torch_dtype":"bfloat16","eos_token_id":[7,8]}""", "bfloat16", new[] { 7, 8 })]
    [InlineData("""{"architectures":["X"],"eos_token_id":null}""", null, new int[0])]
    public void Parse_ReadsEitherDialect(string json, string? type, int[] ends)
    {
        ModelConfig config = ModelConfig.Parse(Encoding.UTF8.GetBytes(json), "config.json");

        Assert.Equal(type, config.DType);
        Assert.Equal(ends, config.EndTokenIds);
    }

    [Theory]
    [InlineData("\"quantization_config\":{\"quant_method\":\"gptq\",\"bits\":4}", "\"gptq\"")]
    [InlineData("\"quantization_config\":{\"bits\":4}", "missing")]
    public void Choose_WhenQuantizationIsUnknown_ListsWhatIsSupported(string rest, string value)
    {
        var exception = Assert.Throws<InvalidDataException>(() => WeightFormats.Choose(ConfigText.Of("X", rest).Quantization));

        Assert.Contains($"\"quantization_config.quant_method\" is {value}", exception.Message);
        Assert.Contains("supported are plain float32, bfloat16 or float16 weights", exception.Message);
    }
}
