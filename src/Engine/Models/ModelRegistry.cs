using KServePaged.Engine.Models.Architectures;

namespace KServePaged.Engine.Models;

/// <summary>The list of architectures.</summary>
internal static class ModelRegistry
{
    private static readonly (string Name, Func<ModelConfig, DecoderSpec> Describe)[] Architectures =
    [
        (Llama.Name, Llama.Describe),
        (Mistral.Name, Mistral.Describe),
        (Qwen2.Name, Qwen2.Describe),
    ];

    public static IEnumerable<string> Names => Architectures.Select(architecture => architecture.Name);

    /// <exception cref="InvalidDataException">The architecture is not supported, or its configuration asks for what it cannot do.</exception>
    public static DecoderSpec Describe(ModelConfig config)
    {
        foreach (var (name, describe) in Architectures)
        {
            if (name == config.Architecture)
            {
                return describe(config);
            }
        }
        throw config.Fields.Invalid("architectures", $"supported are {string.Join(", ", Names)}");
    }
}
