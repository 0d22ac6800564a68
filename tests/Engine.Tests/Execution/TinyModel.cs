using KServePaged.Engine.Tests.Weights;

namespace KServePaged.Engine.Tests.Execution;

/// <summary>Writes a small Llama with random weights, so that loading can be tested where there is no reference data.</summary>
internal static class TinyModel
{
    public const int Vocabulary = 40;
    public const int Layers = 2;

    public const string Config =
        """
        {"architectures":["LlamaForCausalLM"],"hidden_size":32,"num_attention_heads":4,"num_key_value_heads":2,"num_hidden_layers":2,
         "intermediate_size":24,"vocab_size":40,"max_position_embeddings":256,"eos_token_id":[2,39,40],"torch_dtype":"float32"}
        """;

    public static TemporaryDirectory Write(Action<SafetensorsWriter>? extra = null, string config = Config)
    {
        var directory = new TemporaryDirectory();
        directory.Write("config.json", config);
        directory.Write("model.safetensors", Weights(extra));
        return directory;
    }

    public static byte[] Weights(Action<SafetensorsWriter>? extra = null)
    {
        var random = new Random(3);
        var file = new SafetensorsWriter();
        Add("model.embed_tokens.weight", Vocabulary, 32);
        for (int layer = 0; layer < Layers; layer++)
        {
            string prefix = $"model.layers.{layer}.";
            Add(prefix + "input_layernorm.weight", 32);
            Add(prefix + "self_attn.q_proj.weight", 32, 32);
            Add(prefix + "self_attn.k_proj.weight", 16, 32);
            Add(prefix + "self_attn.v_proj.weight", 16, 32);
            Add(prefix + "self_attn.o_proj.weight", 32, 32);
            Add(prefix + "post_attention_layernorm.weight", 32);
            Add(prefix + "mlp.gate_proj.weight", 24, 32);
            Add(prefix + "mlp.up_proj.weight", 24, 32);
            Add(prefix + "mlp.down_proj.weight", 32, 24);
        }
        Add("model.norm.weight", 32);
        Add("lm_head.weight", Vocabulary, 32);
        extra?.Invoke(file);
        return file.ToBytes();

        void Add(string name, params long[] shape)
        {
            float[] values = new float[shape.Aggregate(1L, (product, dimension) => product * dimension)];
            for (int i = 0; i < values.Length; i++)
            {
                values[i] = (float)(random.NextDouble() - 0.5);
            }
            file.Add(name, shape, values);
        }
    }
}
