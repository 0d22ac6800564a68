using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace KServePaged.Serving.Models;

/// <summary>Rows of bf16 values in the encodings of a GGUF file. Blocks of 32 values share a scale in half precision.</summary>
internal static class BlockQuantization
{
    public const int Block = 32;

    public static void ToF32(ReadOnlySpan<ushort> bits, Span<byte> bytes)
    {
        Span<uint> words = MemoryMarshal.Cast<byte, uint>(bytes);
        for (int i = 0; i < bits.Length; i++)
        {
            words[i] = (uint)bits[i] << 16;
        }
    }

    public static void ToBf16(ReadOnlySpan<ushort> bits, Span<byte> bytes) => MemoryMarshal.AsBytes(bits).CopyTo(bytes);

    /// <summary>value = scale * q, q from -127 to 127: the scale, then 32 signed bytes.</summary>
    public static void ToQ8(ReadOnlySpan<ushort> bits, Span<byte> bytes)
    {
        Span<float> values = stackalloc float[Block];
        for (int at = 0; at < bits.Length; at += Block, bytes = bytes[(2 + Block)..])
        {
            float scale = Math.Abs(Extreme(bits.Slice(at, Block), values)) / 127;
            BinaryPrimitives.WriteHalfLittleEndian(bytes, (Half)scale);
            for (int i = 0; i < Block; i++)
            {
                bytes[2 + i] = (byte)(sbyte)(scale == 0 ? 0 : MathF.Round(values[i] / scale));
            }
        }
    }

    /// <summary>value = scale * (q - 8), q from 0 to 15, where the value farthest from 0 gets q = 0: the scale, then the values i and i + 16 in byte i, low half first.</summary>
    public static void ToQ4(ReadOnlySpan<ushort> bits, Span<byte> bytes)
    {
        Span<float> values = stackalloc float[Block];
        for (int at = 0; at < bits.Length; at += Block, bytes = bytes[(2 + Block / 2)..])
        {
            float scale = Extreme(bits.Slice(at, Block), values) / -8;
            BinaryPrimitives.WriteHalfLittleEndian(bytes, (Half)scale);
            for (int i = 0; i < Block / 2; i++)
            {
                bytes[2 + i] = (byte)(Nibble(values[i], scale) | (Nibble(values[i + Block / 2], scale) << 4));
            }
        }
    }

    private static int Nibble(float value, float scale) => scale == 0 ? 8 : Math.Clamp((int)(value / scale + 8.5f), 0, 15);

    // Widens a block, and finds its value farthest from 0, sign kept.
    private static float Extreme(ReadOnlySpan<ushort> bits, Span<float> values)
    {
        float extreme = 0;
        for (int i = 0; i < Block; i++)
        {
            values[i] = BitConverter.UInt32BitsToSingle((uint)bits[i] << 16);
            extreme = Math.Abs(values[i]) > Math.Abs(extreme) ? values[i] : extreme;
        }
        return extreme;
    }
}
