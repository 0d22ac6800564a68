using System.Text;
using KServePaged.Engine.Kernels;
using KServePaged.Engine.Models;

namespace KServePaged.Engine.Tests.Models;

/// <summary>Whatever stands in a config.json, describing it ends well or in the one kind of refusal.</summary>
public sealed class ConfigFuzzTests
{
    private static readonly string[] Values =
    [
        "null", "true", "-1", "0", "1", "3", "511", "2147483647", "9223372036854775807", "1e400", "-0.5", "1e-300", "\"\"", "\"silu\"", "\"\\ud800\"",
        "[]", "[1]", "[\"full_attention\",\"sliding_attention\"]", "{}", "{\"type\":\"linear\"}", "{\"rope_type\":\"llama3\",\"factor\":1e-300}",
        "{\"rope_type\":\"default\",\"rope_theta\":1e308}", "{\"rope_type\":7}", "{\"factor\":null,\"type\":\"linear\"}",
    ];

    private static readonly string[] Keys =
    [
        "vocab_size", "hidden_size", "num_attention_heads", "num_key_value_heads", "head_dim", "num_hidden_layers", "intermediate_size",
        "max_position_embeddings", "rms_norm_eps", "rope_theta", "rope_scaling", "rope_parameters", "partial_rotary_factor", "hidden_act",
        "attention_bias", "mlp_bias", "tie_word_embeddings", "sliding_window", "use_sliding_window", "max_window_layers", "layer_types",
        "eos_token_id", "torch_dtype", "dtype", "quantization_config", "architectures", "model_type",
    ];

    [Fact]
    public void Describe_WhenValuesAreAnything_DescribesOrRefuses()
    {
        using Device device = Device.Open(KernelLibrary.Open("cpu"), threads: 1);
        int described = 0;
        int refused = 0;
        for (int seed = 0; seed < 5_000; seed++)
        {
            string json = Config(new Random(seed));
            try
            {
                DecoderSpec spec = ModelRegistry.Describe(ModelConfig.Parse(Encoding.UTF8.GetBytes(json), "config.json"));
                Assert.True(spec.Manifest().Bytes(device, LinearFormat.Plain(ElementType.Float32)) > 0);
                described++;
            }
            catch (InvalidDataException)
            {
                refused++; // any other exception fails the test below
            }
            catch (Exception exception) when (exception is not Xunit.Sdk.XunitException)
            {
                Assert.Fail($"seed {seed}, {json}: {exception}");
            }
        }
        Assert.Equal(5_000, described + refused);
        Assert.True(described > 100 && refused > 100, $"{described} described, {refused} refused: the cases have become one-sided");
    }

    private static string Config(Random random)
    {
        string architecture = ModelRegistry.Names.ElementAt(random.Next(3));
        var parts = new Dictionary<string, string>
        {
            ["architectures"] = $"[\"{architecture}\"]",
            ["hidden_size"] = "32",
            ["num_attention_heads"] = "4",
            ["num_key_value_heads"] = "2",
            ["num_hidden_layers"] = "2",
        };
        for (int change = random.Next(1, 4); change > 0; change--)
        {
            parts[Keys[random.Next(Keys.Length)]] = Values[random.Next(Values.Length)];
        }
        return $"{{{string.Join(',', parts.Select(part => $"\"{part.Key}\":{part.Value}"))}}}";
    }
}
