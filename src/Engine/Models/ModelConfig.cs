using KServePaged.Engine.Weights;

namespace KServePaged.Engine.Models;

/// <summary>
/// A model's config.json. What every family has is read here; the rest is read by the architecture from <see cref="Fields"/>, because
/// a missing key means something else in each family.
/// </summary>
internal sealed class ModelConfig
{
    private ModelConfig(ConfigFields fields)
    {
        Fields = fields;
        Architecture = fields.Texts("architectures") is [var first, ..]
            ? first
            : throw fields.Invalid("architectures", "the name of an architecture is needed, as in [\"LlamaForCausalLM\"]");
        ModelType = fields.Text("model_type");
        DType = fields.Text("dtype") ?? fields.Text("torch_dtype");
        EndTokenIds = fields.Ids("eos_token_id");
        Quantization = fields.Object("quantization_config");
    }

    public ConfigFields Fields { get; }

    /// <summary>First entry of <c>architectures</c>.</summary>
    public string Architecture { get; }

    public string? ModelType { get; }

    /// <summary><c>dtype</c>, or <c>torch_dtype</c> as older files call it; null where neither is given.</summary>
    public string? DType { get; }

    /// <summary><c>eos_token_id</c>; empty where there is none.</summary>
    public IReadOnlyList<int> EndTokenIds { get; }

    /// <summary><c>quantization_config</c>; null = plain weights.</summary>
    public ConfigFields? Quantization { get; }

    /// <exception cref="InvalidDataException">config.json is missing or broken.</exception>
    public static ModelConfig Load(string modelDirectory) => new(ConfigFields.Load(Path.Combine(modelDirectory, "config.json")));

    /// <param name="utf8">The JSON text.</param>
    /// <param name="file">Its name in messages.</param>
    /// <exception cref="InvalidDataException">The text is no usable configuration.</exception>
    public static ModelConfig Parse(ReadOnlyMemory<byte> utf8, string file) => new(ConfigFields.Parse(utf8, file));
}
