using KServePaged.Engine.Kernels;

namespace KServePaged.Engine.Execution;

/// <summary>Element types as options and config.json spell them.</summary>
internal static class ElementTypeNames
{
    private static readonly (string Name, ElementType Type)[] Known =
        [("float32", ElementType.Float32), ("bfloat16", ElementType.BFloat16), ("float16", ElementType.Float16)];

    /// <returns>Null for a name that is none of the three.</returns>
    public static ElementType? Parse(string? name) =>
        Array.Find(Known, known => known.Name == name) is { Name: not null } found ? found.Type : null;

    /// <returns>Null for <c>auto</c>.</returns>
    /// <exception cref="InvalidDataException">No such type.</exception>
    public static ElementType? ParseOption(string option, string value) => value == "auto"
        ? null
        : Parse(value) ?? throw new InvalidDataException($"{option} is \"{value}\"; possible are auto, {string.Join(", ", Known.Select(known => known.Name))}.");

    public static string NameOf(ElementType type) => Array.Find(Known, known => known.Type == type).Name;
}
