using System.Text.Json;

namespace KServePaged.Serving.Models;

/// <summary>A model's files below a directory, written when they are missing: the same weights for both servers.</summary>
internal sealed class BenchModel(ModelShape shape, string directory)
{
    private const string Made = ".complete";

    /// <summary>The directory in Hugging Face's layout.</summary>
    public string BuildCheckpoint() => Build("hf", path =>
    {
        Directory.CreateDirectory(path);
        SafetensorsWriter.Write(Path.Combine(path, "model.safetensors"), ModelTensor.Of(shape));
        BenchTokenizer.Create(shape.Vocab).Write(Path.Combine(path, "tokenizer.json"));
        WriteTokenizerConfig(Path.Combine(path, "tokenizer_config.json"));
        WriteConfig(Path.Combine(path, "config.json"));
    });

    /// <summary>The GGUF file.</summary>
    public string BuildGguf(GgufType type) => Build($"model-{type.Name}.gguf", path => GgufWriter.Write(path, shape, ModelTensor.Of(shape), type));

    // A mark says that the whole was written, so that an interrupted run does not leave half a model behind.
    private string Build(string name, Action<string> write)
    {
        string path = Path.Combine(directory, name);
        string mark = path + Made;
        if (!File.Exists(mark))
        {
            Directory.CreateDirectory(directory);
            Console.Error.WriteLine($"writing {path}");
            write(path);
            File.WriteAllText(mark, "");
        }
        return path;
    }

    private void WriteConfig(string path)
    {
        using FileStream file = File.Create(path);
        using var json = new Utf8JsonWriter(file, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteStartArray("architectures");
        json.WriteStringValue("LlamaForCausalLM");
        json.WriteEndArray();
        json.WriteString("model_type", "llama");
        json.WriteString("torch_dtype", "bfloat16");
        json.WriteString("hidden_act", "silu");
        json.WriteNumber("hidden_size", shape.Hidden);
        json.WriteNumber("intermediate_size", shape.Ffn);
        json.WriteNumber("num_hidden_layers", shape.Layers);
        json.WriteNumber("num_attention_heads", shape.Heads);
        json.WriteNumber("num_key_value_heads", shape.KvHeads);
        json.WriteNumber("head_dim", shape.HeadDim);
        json.WriteNumber("vocab_size", shape.Vocab);
        json.WriteNumber("max_position_embeddings", ModelShape.Context);
        json.WriteNumber("rms_norm_eps", ModelShape.NormEpsilon);
        json.WriteNumber("rope_theta", ModelShape.RopeTheta);
        json.WriteBoolean("tie_word_embeddings", false);
        json.WriteBoolean("attention_bias", false);
        json.WriteBoolean("mlp_bias", false);
        json.WriteNumber("bos_token_id", BenchTokenizer.Begin);
        json.WriteNumber("eos_token_id", BenchTokenizer.End);
        json.WriteEndObject();
    }

    private static void WriteTokenizerConfig(string path) => File.WriteAllText(
        path,
        """{"tokenizer_class":"PreTrainedTokenizerFast","bos_token":"<s>","eos_token":"</s>","unk_token":"<unk>","add_bos_token":true,"model_max_length":4096}""");
}
