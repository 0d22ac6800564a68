using KServePaged.Engine.Kernels;

namespace KServePaged.Engine.Weights;

internal static class StoredTypeExtensions
{
    private static readonly Dictionary<string, (StoredType Type, int Bits)> Known = new(StringComparer.Ordinal)
    {
        ["BOOL"] = (StoredType.Bool, 8),
        ["F4"] = (StoredType.F4, 4),
        ["F6_E2M3"] = (StoredType.F6E2M3, 6),
        ["F6_E3M2"] = (StoredType.F6E3M2, 6),
        ["U8"] = (StoredType.U8, 8),
        ["I8"] = (StoredType.I8, 8),
        ["F8_E5M2"] = (StoredType.F8E5M2, 8),
        ["F8_E4M3"] = (StoredType.F8E4M3, 8),
        ["F8_E8M0"] = (StoredType.F8E8M0, 8),
        ["F8_E4M3FNUZ"] = (StoredType.F8E4M3Fnuz, 8),
        ["F8_E5M2FNUZ"] = (StoredType.F8E5M2Fnuz, 8),
        ["I16"] = (StoredType.I16, 16),
        ["U16"] = (StoredType.U16, 16),
        ["F16"] = (StoredType.F16, 16),
        ["BF16"] = (StoredType.BF16, 16),
        ["I32"] = (StoredType.I32, 32),
        ["U32"] = (StoredType.U32, 32),
        ["F32"] = (StoredType.F32, 32),
        ["C64"] = (StoredType.C64, 64),
        ["F64"] = (StoredType.F64, 64),
        ["I64"] = (StoredType.I64, 64),
        ["U64"] = (StoredType.U64, 64),
    };

    /// <summary>Reads a type as a safetensors header spells it.</summary>
    public static bool TryParse(string text, out StoredType type, out int bits)
    {
        bool found = Known.TryGetValue(text, out var known);
        (type, bits) = known;
        return found;
    }

    /// <returns>Null where the kernels do not take the type as a plain weight.</returns>
    public static ElementType? ToElementType(this StoredType type) => type switch
    {
        StoredType.F32 => ElementType.Float32,
        StoredType.BF16 => ElementType.BFloat16,
        StoredType.F16 => ElementType.Float16,
        _ => null,
    };
}
