using KServePaged.Engine.Models.Layers;
using KServePaged.Engine.Weights;

namespace KServePaged.Engine.Models.Architectures;

/// <summary>Parts of a decoder under the names that most checkpoints use; an architecture composes them.</summary>
internal static class StandardLayout
{
    private const string EmbeddingName = "model.embed_tokens";
    private const string HeadName = "lm_head";

    public static int Layers(ConfigFields fields, int fallback) => fields.Int("num_hidden_layers", fallback, 1, ConfigLimits.Layers);

    public static RmsNormSpec RmsNorm(string name, int hidden, double epsilon) => new(new VectorSpec($"{name}.weight", hidden), epsilon);

    /// <summary>h += attention(norm(h)); h += mlp(norm(h)), both norms RMS.</summary>
    public static PreNormBlockSpec Block(int layer, AttentionSpec attention, GatedMlpSpec mlp, double epsilon)
    {
        int hidden = attention.QueryKeyValue.InFeatures;
        return new PreNormBlockSpec(
            RmsNorm($"{Prefix(layer)}.input_layernorm", hidden, epsilon), attention,
            RmsNorm($"{Prefix(layer)}.post_attention_layernorm", hidden, epsilon), mlp);
    }

    public static AttentionSpec Attention(
        int layer, AttentionShape shape, RotarySpec rotary, int? window, bool queryKeyValueBias, bool outputBias)
    {
        string name = $"{Prefix(layer)}.self_attn";
        return new AttentionSpec
        {
            QueryHeads = shape.QueryHeads,
            KvHeads = shape.KvHeads,
            HeadDim = shape.HeadDim,
            Scale = 1 / Math.Sqrt(shape.HeadDim),
            Window = window,
            Rotary = rotary,
            QueryKeyValue = new LinearSpec(
                shape.Hidden,
                new LinearPart($"{name}.q_proj", shape.QueryWidth, queryKeyValueBias),
                new LinearPart($"{name}.k_proj", shape.KvWidth, queryKeyValueBias),
                new LinearPart($"{name}.v_proj", shape.KvWidth, queryKeyValueBias)),
            Output = new LinearSpec(shape.QueryWidth, new LinearPart($"{name}.o_proj", shape.Hidden, outputBias)),
        };
    }

    /// <param name="layer">Index of the layer.</param>
    /// <param name="fields">Holds <c>intermediate_size</c> and <c>hidden_act</c>.</param>
    /// <param name="hidden">Hidden size.</param>
    /// <param name="defaultWidth">The family's value for a missing <c>intermediate_size</c>.</param>
    /// <param name="bias">On all three products.</param>
    public static GatedMlpSpec GatedMlp(int layer, ConfigFields fields, int hidden, int defaultWidth, bool bias = false)
    {
        string name = $"{Prefix(layer)}.mlp";
        int width = fields.Int("intermediate_size", defaultWidth, 1, ConfigLimits.FeedForward);
        return new GatedMlpSpec
        {
            Activation = ActivationNames.Read(fields, "hidden_act", "silu"),
            GateUp = new LinearSpec(
                hidden, new LinearPart($"{name}.gate_proj", width, bias), new LinearPart($"{name}.up_proj", width, bias)),
            Down = new LinearSpec(width, new LinearPart($"{name}.down_proj", hidden, bias)),
        };
    }

    /// <summary>Embedding, blocks, final RMS norm, head; the head is the embedding where <c>tie_word_embeddings</c> says so.</summary>
    public static DecoderSpec Decoder(
        ConfigFields fields, int hidden, int defaultVocabulary, int maxPositions, IEnumerable<BlockSpec> blocks, double epsilon)
    {
        int vocabulary = fields.Int("vocab_size", defaultVocabulary, 1, ConfigLimits.Vocabulary);
        bool tied = fields.Flag("tie_word_embeddings", false);
        return new DecoderSpec
        {
            VocabularySize = vocabulary,
            HiddenSize = hidden,
            MaxPositions = maxPositions,
            Embedding = new TableSpec($"{EmbeddingName}.weight", vocabulary, hidden),
            Blocks = [.. blocks],
            FinalNorm = RmsNorm("model.norm", hidden, epsilon),
            Head = new LinearSpec(hidden, new LinearPart(tied ? EmbeddingName : HeadName, vocabulary)),
            Copies = tied
                ? new Dictionary<string, string> { [$"{HeadName}.weight"] = $"{EmbeddingName}.weight" }
                : new Dictionary<string, string>(),
        };
    }

    private static string Prefix(int layer) => $"model.layers.{layer}";
}
