namespace KServePaged.Engine.Kernels;

internal static class ElementTypeExtensions
{
    /// <summary>Bytes of one element.</summary>
    public static int Bytes(this ElementType type) => type switch
    {
        ElementType.Float32 => 4,
        ElementType.BFloat16 or ElementType.Float16 => 2,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "no such element type"),
    };
}
