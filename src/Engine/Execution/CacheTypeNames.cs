using KServePaged.Engine.Kernels;

namespace KServePaged.Engine.Execution;

/// <summary>Types of the cache as <c>kv_cache_dtype</c> spells them.</summary>
internal static class CacheTypeNames
{
    private static readonly (string Name, CacheType Type)[] Known =
    [
        ("float32", CacheType.Float32), ("bfloat16", CacheType.BFloat16), ("float16", CacheType.Float16), ("int8", CacheType.Int8),
    ];

    /// <returns>Null for <c>auto</c>.</returns>
    /// <exception cref="InvalidDataException">No such type.</exception>
    public static CacheType? ParseOption(string value)
    {
        if (value == "auto")
        {
            return null;
        }
        (string Name, CacheType Type) found = Array.Find(Known, known => known.Name == value);
        string reason = value.StartsWith("fp8", StringComparison.Ordinal) ? "; 8-bit floats are not supported, int8 takes the same memory" : "";
        return found.Name is null
            ? throw new InvalidDataException(
                $"kv_cache_dtype is \"{value}\"; possible are auto, {string.Join(", ", Known.Select(known => known.Name))}{reason}.")
            : found.Type;
    }

    public static string NameOf(CacheType type) => Array.Find(Known, known => known.Type == type).Name;
}
