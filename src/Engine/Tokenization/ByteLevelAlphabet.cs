using System.Text;

namespace KServePaged.Engine.Tokenization;

/// <summary>
/// GPT-2's reversible spelling of bytes as printable characters: printable Latin-1 stands for itself, the other 68 bytes are
/// U+0100 and up, in order.
/// </summary>
internal static class ByteLevelAlphabet
{
    private const int CharLimit = 0x100 + 68;

    private static readonly char[] Chars = MakeChars();
    private static readonly short[] Bytes = MakeBytes();

    public static char CharOf(byte value) => Chars[value];

    /// <returns>The byte that a character stands for, or -1.</returns>
    public static int ByteOf(int codePoint) => codePoint < CharLimit ? Bytes[codePoint] : -1;

    /// <summary>Appends the spelling of bytes.</summary>
    public static void Spell(ReadOnlySpan<byte> bytes, Text.Utf8Buffer output)
    {
        foreach (byte value in bytes)
        {
            output.Append(new Rune(Chars[value]));
        }
    }

    /// <summary>Reads a spelling back. False, with nothing to rely on in <paramref name="bytes"/>, when a character is not of the alphabet.</summary>
    /// <param name="bytes">At least as long as the spelling.</param>
    public static bool TryRead(ReadOnlySpan<byte> spelling, Span<byte> bytes, out int count)
    {
        count = 0;
        for (int at = 0; at < spelling.Length; count++)
        {
            int value = ByteOf(Text.CodePoint.At(spelling, at, out int length));
            if (value < 0)
            {
                return false;
            }
            bytes[count] = (byte)value;
            at += length;
        }
        return true;
    }

    private static bool StandsForItself(int value) => value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);

    private static char[] MakeChars()
    {
        var chars = new char[256];
        int next = 0x100;
        for (int value = 0; value < 256; value++)
        {
            chars[value] = (char)(StandsForItself(value) ? value : next++);
        }
        return chars;
    }

    private static short[] MakeBytes()
    {
        var bytes = new short[CharLimit];
        Array.Fill(bytes, (short)-1);
        for (int value = 0; value < 256; value++)
        {
            bytes[Chars[value]] = (short)value;
        }
        return bytes;
    }
}
