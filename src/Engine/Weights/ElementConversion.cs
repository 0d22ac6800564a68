using System.Numerics;
using System.Runtime.InteropServices;
using KServePaged.Engine.Kernels;

namespace KServePaged.Engine.Weights;

/// <summary>Conversions of the small weights and of tables; the matrices are converted by the kernel that packs them.</summary>
internal static class ElementConversion
{
    /// <summary>Widens to f32, exactly.</summary>
    public static void ToSingle(ReadOnlySpan<byte> source, ElementType type, Span<float> destination)
    {
        switch (type)
        {
            case ElementType.Float32:
                MemoryMarshal.Cast<byte, float>(source).CopyTo(destination);
                break;
            case ElementType.BFloat16:
                ReadOnlySpan<ushort> brains = MemoryMarshal.Cast<byte, ushort>(source);
                for (int i = 0; i < brains.Length; i++)
                {
                    destination[i] = BitConverter.UInt32BitsToSingle((uint)brains[i] << 16);
                }
                break;
            case ElementType.Float16:
                ReadOnlySpan<Half> halves = MemoryMarshal.Cast<byte, Half>(source);
                for (int i = 0; i < halves.Length; i++)
                {
                    destination[i] = (float)halves[i];
                }
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(type), type, "no such element type");
        }
    }

    /// <summary>Rounds to nearest even.</summary>
    public static void FromSingle(ReadOnlySpan<float> source, ElementType type, Span<byte> destination)
    {
        switch (type)
        {
            case ElementType.Float32:
                source.CopyTo(MemoryMarshal.Cast<byte, float>(destination));
                break;
            case ElementType.BFloat16:
                Span<ushort> brains = MemoryMarshal.Cast<byte, ushort>(destination);
                for (int i = 0; i < source.Length; i++)
                {
                    brains[i] = ToBFloat16(source[i]);
                }
                break;
            case ElementType.Float16:
                Span<Half> halves = MemoryMarshal.Cast<byte, Half>(destination);
                for (int i = 0; i < source.Length; i++)
                {
                    halves[i] = (Half)source[i];
                }
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(type), type, "no such element type");
        }
    }

    /// <returns>Index of the first element that is NaN or infinite; -1 = none.</returns>
    public static int IndexOfNonFinite(ReadOnlySpan<byte> source, ElementType type)
    {
        // The exponent is all ones in those and in nothing else.
        return type switch
        {
            ElementType.Float32 => IndexOfExponent(MemoryMarshal.Cast<byte, uint>(source), 0x7F80_0000u),
            ElementType.BFloat16 => IndexOfExponent<ushort>(MemoryMarshal.Cast<byte, ushort>(source), 0x7F80),
            ElementType.Float16 => IndexOfExponent<ushort>(MemoryMarshal.Cast<byte, ushort>(source), 0x7C00),
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, "no such element type"),
        };
    }

    private static int IndexOfExponent<T>(ReadOnlySpan<T> bits, T exponent)
        where T : unmanaged, IBinaryInteger<T>
    {
        int i = 0;
        var wanted = new Vector<T>(exponent);
        for (; i <= bits.Length - Vector<T>.Count; i += Vector<T>.Count)
        {
            if (Vector.EqualsAny(new Vector<T>(bits[i..]) & wanted, wanted))
            {
                break;
            }
        }
        for (; i < bits.Length; i++)
        {
            if ((bits[i] & exponent) == exponent)
            {
                return i;
            }
        }
        return -1;
    }

    private static ushort ToBFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value) ? (ushort)((bits >> 16) | 0x40) : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }
}
