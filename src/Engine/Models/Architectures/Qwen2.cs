using KServePaged.Engine.Models.Layers;
using KServePaged.Engine.Weights;

namespace KServePaged.Engine.Models.Architectures;

/// <summary>
/// Qwen 2 and 2.5: Llama with biases on query, key and value. A number in <c>sliding_window</c> counts only beside
/// <c>use_sliding_window</c>, and then from layer <c>max_window_layers</c> on.
/// </summary>
internal static class Qwen2
{
    public const string Name = "Qwen2ForCausalLM";

    public static DecoderSpec Describe(ModelConfig config)
    {
        ConfigFields fields = config.Fields;
        AttentionShape shape = AttentionShape.Read(fields, defaultKvHeads: 32);
        int maxPositions = fields.Int("max_position_embeddings", 32768, 1, ConfigLimits.Positions);
        double epsilon = fields.Number("rms_norm_eps", 1e-6, 0, 1);
        RotarySpec rotary = RotaryConfig.Read(fields, shape.HeadDim, maxPositions, defaultTheta: 10000);
        int? window = fields.Flag("use_sliding_window", false) ? fields.NullableInt("sliding_window", 4096, 1) : null;
        int fullLayers = fields.Int("max_window_layers", 28, 0);
        int layers = StandardLayout.Layers(fields, 32);
        IReadOnlyList<bool>? sliding = LayerTypes.ReadSliding(fields, layers);
        return StandardLayout.Decoder(fields, shape.Hidden, 151936, maxPositions, Enumerable.Range(0, layers).Select(Block), epsilon);

        int? WindowOf(int layer) => (sliding?[layer] ?? (layer >= fullLayers)) ? window : null;

        BlockSpec Block(int layer) => StandardLayout.Block(
            layer,
            StandardLayout.Attention(layer, shape, rotary, WindowOf(layer), queryKeyValueBias: true, outputBias: false),
            StandardLayout.GatedMlp(layer, fields, shape.Hidden, 22016),
            epsilon);
    }
}
