using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using KServePaged.Engine.Tests.Weights;
using KServePaged.Engine.Weights;

namespace KServePaged.Engine.Tests.Models;

/// <summary>A copy of a checkpoint in which one feature of sensitivity.json is off or otherwise.</summary>
internal static partial class Perturbation
{
    public static TemporaryDirectory Apply(string source, string feature)
    {
        var directory = new TemporaryDirectory();
        JsonObject config = JsonNode.Parse(File.ReadAllText(Path.Combine(source, "config.json")))!.AsObject();
        byte[] weights = File.ReadAllBytes(Path.Combine(source, "model.safetensors"));
        string weightsPath = Path.Combine(source, "model.safetensors");
        if (feature == "attention scale x1.1 (scaling)")
        {
            // The configuration has no scale; queries that are larger by the same factor come to the same.
            ChangeWeights(weightsPath, weights, "q_proj", (_, values) => [.. values.Select(value => value * 1.1f)]);
        }
        else if (feature == "rotary pairing: half-split <-> interleaved")
        {
            int headDim = HeadDim(config);
            ChangeWeights(weightsPath, weights, "[qk]_proj", (tensor, values) => Interleave(values, headDim, (int)(tensor.ElementCount / tensor.Shape[0])));
        }
        else if (WeightFeature().Match(feature) is { Success: true } match)
        {
            string pattern = $"^{Regex.Escape(match.Groups["name"].Value).Replace("\\*", "\\d+")}$";
            ChangeWeights(weightsPath, weights, pattern, (_, values) => match.Groups["kind"].Value switch
            {
                "set to 0" => new float[values.Length],
                "norm weight ignored" => [.. values.Select(_ => 1f)],
                "norm offset by one" => [.. values.Select(value => value + 1)],
                string other => throw new InvalidOperationException(other),
            });
        }
        else
        {
            ChangeConfig(config, feature);
        }
        directory.Write("config.json", config.ToJsonString());
        directory.Write("model.safetensors", weights);
        return directory;
    }

    private static void ChangeConfig(JsonObject config, string feature)
    {
        switch (feature)
        {
            case "hidden_act -> gelu":
                config["hidden_act"] = "gelu";
                break;
            case "norm eps x2":
                Multiply(config, "rms_norm_eps", 2);
                break;
            case "rope_theta x2":
                Multiply(config, "rope_theta", 2);
                break;
            case "no rope_scaling":
                config.Remove("rope_scaling");
                break;
            case "window off":
                config["sliding_window"] = null;
                break;
            case "window+1":
                config["sliding_window"] = config["sliding_window"]!.GetValue<int>() + 1;
                break;
            case "window-1":
                config["sliding_window"] = config["sliding_window"]!.GetValue<int>() - 1;
                break;
            case "max_window_layers+1":
                config["max_window_layers"] = config["max_window_layers"]!.GetValue<int>() + 1;
                break;
            case "max_window_layers-1":
                config["max_window_layers"] = config["max_window_layers"]!.GetValue<int>() - 1;
                break;
            case "use_sliding_window toggled":
                config["use_sliding_window"] = !config["use_sliding_window"]!.GetValue<bool>();
                break;
            default:
                Match scaling = ScalingFeature().Match(feature);
                Assert.True(scaling.Success, $"no perturbation is written for \"{feature}\"");
                Multiply(config["rope_scaling"]!.AsObject(), scaling.Groups["key"].Value, double.Parse(
                    scaling.Groups["factor"].Value, System.Globalization.CultureInfo.InvariantCulture));
                break;
        }
    }

    private static void Multiply(JsonObject values, string key, double factor)
    {
        double value = values[key]!.GetValue<double>() * factor;
        values[key] = value == Math.Floor(value) ? JsonValue.Create((long)value) : JsonValue.Create(value);
    }

    private static int HeadDim(JsonObject config) => config["head_dim"]?.GetValue<int>()
        ?? (config["hidden_size"]!.GetValue<int>() / config["num_attention_heads"]!.GetValue<int>());

    /// <summary>Rows of each head in the order that makes half-split rotation pair what interleaved rotation would pair.</summary>
    private static float[] Interleave(float[] values, int headDim, int rowLength)
    {
        float[] changed = new float[values.Length];
        for (int row = 0; row < values.Length / rowLength; row++)
        {
            int inHead = row % headDim;
            int source = row - inHead + (inHead < headDim / 2 ? 2 * inHead : 2 * (inHead - headDim / 2) + 1);
            values.AsSpan(source * rowLength, rowLength).CopyTo(changed.AsSpan(row * rowLength));
        }
        return changed;
    }

    private static void ChangeWeights(string path, byte[] file, string pattern, Func<StoredTensor, float[], float[]> change)
    {
        using SafetensorsFile original = SafetensorsFile.Open(path);
        StoredTensor[] tensors = [.. original.Tensors.Where(tensor => Regex.IsMatch(tensor.Name, pattern))];
        Assert.NotEmpty(tensors);
        foreach (StoredTensor tensor in tensors)
        {
            Span<byte> bytes = file.AsSpan((int)tensor.OffsetBytes, (int)tensor.Bytes);
            Engine.Kernels.ElementType type = tensor.Type.ToElementType()!.Value;
            float[] values = new float[tensor.ElementCount];
            ElementConversion.ToSingle(bytes, type, values);
            ElementConversion.FromSingle(change(tensor, values), type, bytes);
        }
    }

    [GeneratedRegex("^(?<kind>set to 0|norm weight ignored|norm offset by one): (?<name>.+)$")]
    private static partial Regex WeightFeature();

    [GeneratedRegex(@"^rope_scaling\.(?<key>\w+) x(?<factor>[\d.]+)$")]
    private static partial Regex ScalingFeature();
}
