namespace KServePaged.Serving.Models;

/// <summary>One tensor: its names in both kinds of file, its sizes, and its bf16 values, which are a function of name and position only.</summary>
/// <param name="Name">In a safetensors file.</param>
/// <param name="GgufName">In a GGUF file.</param>
/// <param name="Rows">Output features; 1 for a vector.</param>
/// <param name="Columns">Input features, or the vector's length.</param>
/// <param name="RotaryHeads">Heads of a query or key matrix, whose rows GGUF has in another order; else 0.</param>
internal sealed record ModelTensor(string Name, string GgufName, int Rows, int Columns, int RotaryHeads = 0)
{
    private const ushort One = 0x3F80;
    private const double Deviation = 0.02;

    public bool IsVector => Rows == 1;

    public long Elements => (long)Rows * Columns;

    /// <summary>All tensors of a model in the order of the files.</summary>
    public static IReadOnlyList<ModelTensor> Of(ModelShape shape)
    {
        List<ModelTensor> tensors = [new("model.embed_tokens.weight", "token_embd.weight", shape.Vocab, shape.Hidden)];
        int queries = shape.Heads * shape.HeadDim;
        int keys = shape.KvHeads * shape.HeadDim;
        for (int layer = 0; layer < shape.Layers; layer++)
        {
            string from = $"model.layers.{layer}.";
            string to = $"blk.{layer}.";
            tensors.AddRange(
            [
                new(from + "input_layernorm.weight", to + "attn_norm.weight", 1, shape.Hidden),
                new(from + "self_attn.q_proj.weight", to + "attn_q.weight", queries, shape.Hidden, shape.Heads),
                new(from + "self_attn.k_proj.weight", to + "attn_k.weight", keys, shape.Hidden, shape.KvHeads),
                new(from + "self_attn.v_proj.weight", to + "attn_v.weight", keys, shape.Hidden),
                new(from + "self_attn.o_proj.weight", to + "attn_output.weight", shape.Hidden, queries),
                new(from + "post_attention_layernorm.weight", to + "ffn_norm.weight", 1, shape.Hidden),
                new(from + "mlp.gate_proj.weight", to + "ffn_gate.weight", shape.Ffn, shape.Hidden),
                new(from + "mlp.up_proj.weight", to + "ffn_up.weight", shape.Ffn, shape.Hidden),
                new(from + "mlp.down_proj.weight", to + "ffn_down.weight", shape.Hidden, shape.Ffn),
            ]);
        }
        tensors.Add(new("model.norm.weight", "output_norm.weight", 1, shape.Hidden));
        tensors.Add(new("lm_head.weight", "output.weight", shape.Vocab, shape.Hidden));
        return tensors;
    }

    /// <summary>The bf16 bits of one row, as the safetensors file has it.</summary>
    public void Fill(int row, Span<ushort> bits)
    {
        if (IsVector)
        {
            bits.Fill(One); // norms
            return;
        }
        ulong seed = Seed();
        for (int column = 0; column < bits.Length; column++)
        {
            bits[column] = Round(Normal(Mix(seed + (ulong)((long)row * Columns + column) * 0x9E3779B97F4A7C15)));
        }
    }

    /// <summary>The row that a GGUF file has at a place: a head's rotary pair (j, j + headDim / 2) lies side by side there.</summary>
    public int GgufRow(int place)
    {
        if (RotaryHeads == 0)
        {
            return place;
        }
        int headDim = Rows / RotaryHeads;
        (int head, int within) = (place / headDim, place % headDim);
        return head * headDim + within / 2 + within % 2 * (headDim / 2);
    }

    // Four uniform numbers of 16 bits: near enough to the normal distribution for weights that nobody reads sense into.
    private static float Normal(ulong random)
    {
        long sum = (long)(random & 0xFFFF) + (long)((random >> 16) & 0xFFFF) + (long)((random >> 32) & 0xFFFF) + (long)(random >> 48);
        return (float)((sum - 2 * 65535) * (Deviation / (65536 / 1.7320508075688772)));
    }

    private static ushort Round(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    private ulong Seed()
    {
        ulong seed = 20;
        foreach (char c in Name)
        {
            seed = Mix(seed ^ c);
        }
        return seed;
    }

    // The finalizer of SplitMix64: neighbouring counters give unrelated bits.
    private static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}
