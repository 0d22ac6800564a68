using System.Runtime.InteropServices;
using KServePaged.Engine.Kernels;

namespace KServePaged.Kernels.Tests.Harness;

/// <summary>The three element types, converted the slow and obvious way.</summary>
internal static class Elements
{
    /// <summary>Half the distance between neighbours relative to a value: what one rounding may cost.</summary>
    public static double UnitRoundoff(ElementType type) => type switch
    {
        ElementType.Float32 => Math.ScaleB(1, -24),
        ElementType.BFloat16 => Math.ScaleB(1, -8),
        ElementType.Float16 => Math.ScaleB(1, -11),
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    /// <summary>Half the distance between neighbours at zero.</summary>
    public static double SmallestHalf(ElementType type) => type switch
    {
        ElementType.Float32 => Math.ScaleB(1, -150),
        ElementType.BFloat16 => Math.ScaleB(1, -134),
        ElementType.Float16 => Math.ScaleB(1, -25),
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    /// <summary>Rounds to nearest, ties to even, and widens again.</summary>
    public static float Round(float value, ElementType type) => type switch
    {
        ElementType.Float32 => value,
        ElementType.BFloat16 => FromBFloat16(ToBFloat16(value)),
        ElementType.Float16 => (float)(Half)value,
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    public static float[] Round(float[] values, ElementType type) => [.. values.Select(value => Round(value, type))];

    /// <summary>The bytes of the values in the type, each rounded once.</summary>
    public static byte[] Encode(float[] values, ElementType type) => type switch
    {
        ElementType.Float32 => MemoryMarshal.AsBytes(values.AsSpan()).ToArray(),
        ElementType.BFloat16 => MemoryMarshal.AsBytes<ushort>(values.Select(ToBFloat16).ToArray()).ToArray(),
        ElementType.Float16 => MemoryMarshal.AsBytes<Half>(values.Select(value => (Half)value).ToArray()).ToArray(),
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    public static float[] Decode(byte[] bytes, ElementType type) => type switch
    {
        ElementType.Float32 => MemoryMarshal.Cast<byte, float>(bytes).ToArray(),
        ElementType.BFloat16 => [.. MemoryMarshal.Cast<byte, ushort>(bytes).ToArray().Select(FromBFloat16)],
        ElementType.Float16 => [.. MemoryMarshal.Cast<byte, Half>(bytes).ToArray().Select(half => (float)half)],
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    private static float FromBFloat16(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);

    private static ushort ToBFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        if (float.IsNaN(value))
        {
            return (ushort)((bits >> 16) | 0x40);
        }
        uint upper = bits >> 16;
        uint rest = bits & 0xFFFF;
        return (ushort)(rest > 0x8000 || (rest == 0x8000 && (upper & 1) == 1) ? upper + 1 : upper);
    }
}
