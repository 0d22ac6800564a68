namespace KServePaged.Gpu.Engine;

/// <summary>A Llama by its sizes, in bf16.</summary>
/// <param name="Tied">The output matrix is the embedding table.</param>
internal sealed record ModelShape(string Name, int Hidden, int Layers, int Heads, int KvHeads, int HeadDim, int Ffn, int Vocab, bool Tied)
{
    /// <summary>Longest prompt and output that are measured, with room to end.</summary>
    public const int Context = 22_528;

    /// <summary>Llama-3-8B, Llama-3.2-1B and, by its sizes, Qwen3-0.6B; tiny: for machines that only emulate a GPU.</summary>
    public static IReadOnlyList<ModelShape> All { get; } =
    [
        new("8B", 4096, 32, 32, 8, 128, 14_336, 128_256, Tied: false),
        new("1B", 2048, 16, 32, 8, 64, 8192, 128_256, Tied: true),
        new("0.6B", 1024, 28, 16, 8, 128, 3072, 151_936, Tied: true),
        new("tiny", 32, 2, 4, 2, 16, 64, 256, Tied: false),
    ];

    /// <summary>Weights of the layers' matrices: what every prompt token is multiplied with.</summary>
    public long LayerWeights => (long)Layers * Hidden * (2L * Heads * HeadDim + 2L * KvHeads * HeadDim + 3L * Ffn);

    /// <summary>Weights that a decode step reads.</summary>
    public long StepWeights => LayerWeights + (long)Vocab * Hidden;

    /// <summary>Bytes of keys and values of one cached token.</summary>
    public long TokenBytes => 2L * Layers * KvHeads * HeadDim * sizeof(ushort);

    /// <summary>Every tensor, with the sizes of a checkpoint.</summary>
    public IEnumerable<(string Name, int Rows, int Columns)> Tensors
    {
        get
        {
            yield return ("model.embed_tokens.weight", Vocab, Hidden);
            for (int layer = 0; layer < Layers; layer++)
            {
                string prefix = $"model.layers.{layer}.";
                yield return (prefix + "input_layernorm.weight", 1, Hidden);
                yield return (prefix + "self_attn.q_proj.weight", Heads * HeadDim, Hidden);
                yield return (prefix + "self_attn.k_proj.weight", KvHeads * HeadDim, Hidden);
                yield return (prefix + "self_attn.v_proj.weight", KvHeads * HeadDim, Hidden);
                yield return (prefix + "self_attn.o_proj.weight", Hidden, Heads * HeadDim);
                yield return (prefix + "post_attention_layernorm.weight", 1, Hidden);
                yield return (prefix + "mlp.gate_proj.weight", Ffn, Hidden);
                yield return (prefix + "mlp.up_proj.weight", Ffn, Hidden);
                yield return (prefix + "mlp.down_proj.weight", Hidden, Ffn);
            }
            yield return ("model.norm.weight", 1, Hidden);
            if (!Tied)
            {
                yield return ("lm_head.weight", Vocab, Hidden);
            }
        }
    }

    public static ModelShape Named(string name) => All.FirstOrDefault(shape => shape.Name == name)
        ?? throw new UsageException($"models: no '{name}'; there are {string.Join(", ", All.Select(shape => shape.Name))}");
}
