using KServePaged.Engine.Weights;

namespace KServePaged.Engine.Models.Architectures;

/// <summary><c>layer_types</c>: which layers see a window only. Where it is given it wins over a family's rule.</summary>
internal static class LayerTypes
{
    private const string Full = "full_attention";
    private const string Sliding = "sliding_attention";

    /// <returns>For each layer whether it is windowed; null where the configuration does not say.</returns>
    /// <exception cref="InvalidDataException">Another kind of layer, or not one entry a layer.</exception>
    public static IReadOnlyList<bool>? ReadSliding(ConfigFields fields, int layers)
    {
        if (fields.Texts("layer_types") is not { } types)
        {
            return null;
        }
        return types.Count == layers && types.All(type => type is Full or Sliding)
            ? [.. types.Select(type => type == Sliding)]
            : throw fields.Invalid("layer_types", $"{layers} entries are needed; supported are {Full} and {Sliding}");
    }
}
