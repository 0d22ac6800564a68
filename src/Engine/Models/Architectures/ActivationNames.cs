using KServePaged.Engine.Kernels;
using KServePaged.Engine.Weights;

namespace KServePaged.Engine.Models.Architectures;

/// <summary>Activations as configurations name them.</summary>
internal static class ActivationNames
{
    private static readonly Dictionary<string, Activation> Known = new(StringComparer.Ordinal)
    {
        ["silu"] = Activation.Silu,
        ["swish"] = Activation.Silu,
        ["gelu"] = Activation.Gelu,
        ["gelu_new"] = Activation.GeluTanh,
        ["gelu_fast"] = Activation.GeluTanh,
        ["gelu_pytorch_tanh"] = Activation.GeluTanh,
        ["relu"] = Activation.Relu,
    };

    /// <exception cref="InvalidDataException">The activation is not supported.</exception>
    public static Activation Read(ConfigFields fields, string key, string fallback) =>
        Known.TryGetValue(fields.Text(key) ?? fallback, out Activation activation)
            ? activation
            : throw fields.Invalid(key, $"supported are {string.Join(", ", Known.Keys)}");
}
