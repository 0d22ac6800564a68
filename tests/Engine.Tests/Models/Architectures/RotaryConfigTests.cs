using KServePaged.Engine.Models.Layers;

namespace KServePaged.Engine.Tests.Models.Architectures;

public sealed class RotaryConfigTests
{
    [Theory]
    [InlineData("\"rope_theta\":500000.0")]
    [InlineData("\"rope_theta\":500000.0,\"rope_scaling\":null")]
    [InlineData("\"rope_parameters\":{\"rope_type\":\"default\",\"rope_theta\":500000.0}")]
    [InlineData("\"rope_theta\":500000.0,\"rope_scaling\":{\"type\":\"default\"}")]
    public void Read_WhenPlain_GivesPowersOfTheta(string rest) =>
        Equal([1, Math.Pow(500000, -0.25), Math.Pow(500000, -0.5), Math.Pow(500000, -0.75)], Frequencies(rest));

    [Theory]
    [InlineData("\"rope_theta\":100.0,\"rope_scaling\":{\"type\":\"linear\",\"factor\":4.0}")]
    [InlineData("\"rope_theta\":100.0,\"rope_scaling\":{\"rope_type\":\"linear\",\"factor\":4}")]
    [InlineData("\"rope_parameters\":{\"rope_type\":\"linear\",\"type\":\"linear\",\"factor\":4.0,\"rope_theta\":100.0}")]
    public void Read_WhenLinear_DividesByTheFactor(string rest) =>
        Equal([0.25, 0.25 / Math.Sqrt(10), 0.025, 0.025 / Math.Sqrt(10)], Frequencies(rest));

    [Fact]
    public void Read_WhenLlama3_StretchesLongWavesAndBlendsBetween()
    {
        double[] frequencies = Frequencies(
            "\"rope_theta\":10000.0,\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8.0,\"low_freq_factor\":1.0," +
            "\"high_freq_factor\":4.0,\"original_max_position_embeddings\":64}");

        // wavelengths 6.28 (short), 62.8 (between 16 and 64), 628 and 6283 (long)
        double smooth = (64 / (2 * Math.PI * 10) - 1) / 3;
        Equal([1, (1 - smooth) * 0.1 / 8 + smooth * 0.1, 0.01 / 8, 0.001 / 8], frequencies);
    }

    [Theory]
    [InlineData("\"rope_scaling\":{\"type\":\"dynamic\",\"factor\":2.0}", "\"rope_scaling.type\" is \"dynamic\"")]
    [InlineData("\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":2.0}", "\"rope_scaling.rope_type\" is \"yarn\"")]
    [InlineData("\"rope_parameters\":{\"rope_type\":\"longrope\",\"rope_theta\":1e4}", "\"rope_parameters.rope_type\" is \"longrope\"")]
    public void Read_WhenKindIsUnknown_ListsWhatIsSupported(string rest, string expected)
    {
        string message = ConfigText.Refusal("LlamaForCausalLM", rest);

        Assert.Contains(expected, message);
        Assert.Contains("supported are default, linear, llama3", message);
    }

    [Theory]
    [InlineData("\"rope_scaling\":{\"type\":\"linear\"}", "\"rope_scaling.factor\" is missing")]
    [InlineData("\"rope_scaling\":{\"type\":\"linear\",\"factor\":0}", "\"rope_scaling.factor\" is 0")]
    [InlineData("\"rope_scaling\":{\"type\":\"llama3\",\"factor\":2,\"low_freq_factor\":4,\"high_freq_factor\":4}", "more than low_freq_factor")]
    [InlineData("\"rope_scaling\":\"linear\"", "an object is needed")]
    [InlineData("\"rope_theta\":0", "\"rope_theta\" is 0")]
    [InlineData("\"partial_rotary_factor\":0.5", "\"partial_rotary_factor\" is 0.5")]
    [InlineData("\"rope_parameters\":{\"rope_theta\":1e4,\"partial_rotary_factor\":0.5}", "\"rope_parameters.partial_rotary_factor\" is 0.5")]
    [InlineData("\"rope_parameters\":{\"full_attention\":{\"rope_theta\":1e4}}", "\"rope_parameters.full_attention\"")]
    public void Read_WhenAParameterIsWrong_NamesIt(string rest, string expected) =>
        Assert.Contains(expected, ConfigText.Refusal("LlamaForCausalLM", rest));

    private static double[] Frequencies(string rest)
    {
        var block = (PreNormBlockSpec)ConfigText.Describe("LlamaForCausalLM", rest).Blocks[0];
        return [.. ((AttentionSpec)block.Attention).Rotary!.InverseFrequencies];
    }

    private static void Equal(double[] expected, double[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, pair.First * 1e-14));
    }
}
