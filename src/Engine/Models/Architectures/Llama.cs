using KServePaged.Engine.Models.Layers;
using KServePaged.Engine.Weights;

namespace KServePaged.Engine.Models.Architectures;

/// <summary>Llama 1 to 3: <c>attention_bias</c> is on all four products of attention, <c>mlp_bias</c> on all three of the MLP.</summary>
internal static class Llama
{
    public const string Name = "LlamaForCausalLM";

    public static DecoderSpec Describe(ModelConfig config)
    {
        ConfigFields fields = config.Fields;
        AttentionShape shape = AttentionShape.Read(fields, defaultKvHeads: null);
        int maxPositions = fields.Int("max_position_embeddings", 2048, 1, ConfigLimits.Positions);
        double epsilon = fields.Number("rms_norm_eps", 1e-6, 0, 1);
        RotarySpec rotary = RotaryConfig.Read(fields, shape.HeadDim, maxPositions, defaultTheta: 10000);
        bool attentionBias = fields.Flag("attention_bias", false);
        bool mlpBias = fields.Flag("mlp_bias", false);
        int layers = StandardLayout.Layers(fields, 32);
        if (LayerTypes.ReadSliding(fields, layers) is { } sliding && sliding.Contains(true))
        {
            throw fields.Invalid("layer_types", $"{Name} has full attention only");
        }
        return StandardLayout.Decoder(fields, shape.Hidden, 32000, maxPositions, Enumerable.Range(0, layers).Select(Block), epsilon);

        BlockSpec Block(int layer) => StandardLayout.Block(
            layer,
            StandardLayout.Attention(layer, shape, rotary, window: null, attentionBias, attentionBias),
            StandardLayout.GatedMlp(layer, fields, shape.Hidden, 11008, mlpBias),
            epsilon);
    }
}
