using KServePaged.Engine.Tests.Weights;

namespace KServePaged.Engine.Tests.Execution;

/// <summary>Writes a Llama of zeros, whose sizes are whole blocks as those of real models are: for what does not depend on numbers.</summary>
internal static class ZeroModel
{
    private const int Hidden = 64;
    private const int Width = 192;
    private const int Vocabulary = 40;

    public static TemporaryDirectory Write(int layers)
    {
        var file = new SafetensorsWriter();
        file.AddZeros("model.embed_tokens.weight", Vocabulary, Hidden);
        for (int layer = 0; layer < layers; layer++)
        {
            string prefix = $"model.layers.{layer}.";
            file.AddZeros(prefix + "input_layernorm.weight", Hidden);
            file.AddZeros(prefix + "self_attn.q_proj.weight", Hidden, Hidden);
            file.AddZeros(prefix + "self_attn.k_proj.weight", Hidden / 2, Hidden);
            file.AddZeros(prefix + "self_attn.v_proj.weight", Hidden / 2, Hidden);
            file.AddZeros(prefix + "self_attn.o_proj.weight", Hidden, Hidden);
            file.AddZeros(prefix + "post_attention_layernorm.weight", Hidden);
            file.AddZeros(prefix + "mlp.gate_proj.weight", Width, Hidden);
            file.AddZeros(prefix + "mlp.up_proj.weight", Width, Hidden);
            file.AddZeros(prefix + "mlp.down_proj.weight", Hidden, Width);
        }
        file.AddZeros("model.norm.weight", Hidden);
        var directory = new TemporaryDirectory();
        directory.Write("model.safetensors", file.ToBytes());
        directory.Write(
            "config.json",
            $$"""
            {"architectures":["LlamaForCausalLM"],"hidden_size":{{Hidden}},"num_attention_heads":4,"num_key_value_heads":2,
             "num_hidden_layers":{{layers}},"intermediate_size":{{Width}},"vocab_size":{{Vocabulary}},"max_position_embeddings":512,
             "tie_word_embeddings":true,"torch_dtype":"float32"}
            """);
        return directory;
    }
}
