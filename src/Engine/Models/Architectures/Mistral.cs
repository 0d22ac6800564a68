using KServePaged.Engine.Models.Layers;
using KServePaged.Engine.Weights;

namespace KServePaged.Engine.Models.Architectures;

/// <summary>Mistral 7B: Llama without biases; <c>sliding_window</c> on every layer, off where the file says null.</summary>
internal static class Mistral
{
    public const string Name = "MistralForCausalLM";

    public static DecoderSpec Describe(ModelConfig config)
    {
        ConfigFields fields = config.Fields;
        AttentionShape shape = AttentionShape.Read(fields, defaultKvHeads: 8);
        int maxPositions = fields.Int("max_position_embeddings", 131072, 1, ConfigLimits.Positions);
        double epsilon = fields.Number("rms_norm_eps", 1e-6, 0, 1);
        RotarySpec rotary = RotaryConfig.Read(fields, shape.HeadDim, maxPositions, defaultTheta: 10000);
        int? window = fields.NullableInt("sliding_window", 4096, 1);
        int layers = StandardLayout.Layers(fields, 32);
        IReadOnlyList<bool>? sliding = LayerTypes.ReadSliding(fields, layers);
        return StandardLayout.Decoder(fields, shape.Hidden, 32000, maxPositions, Enumerable.Range(0, layers).Select(Block), epsilon);

        BlockSpec Block(int layer) => StandardLayout.Block(
            layer,
            StandardLayout.Attention(layer, shape, rotary, sliding?[layer] == false ? null : window, queryKeyValueBias: false, outputBias: false),
            StandardLayout.GatedMlp(layer, fields, shape.Hidden, 14336),
            epsilon);
    }
}
