namespace KServePaged.Engine.Kernels;

internal static class CacheTypeExtensions
{
    /// <summary>Bytes of a token's key, or value, of one head.</summary>
    public static int HeadBytes(this CacheType type, int headDim) => type switch
    {
        CacheType.Float32 => headDim * sizeof(float),
        CacheType.BFloat16 or CacheType.Float16 => headDim * sizeof(short),
        CacheType.Int8 => headDim + sizeof(float),
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "no such cache type"),
    };
}
