using System.Globalization;
using System.Text;

namespace KServePaged.Engine.Tokenization.Text;

/// <summary>Reading code points out of valid UTF-8, and the Unicode classes that tokenizers ask for.</summary>
internal static class CodePoint
{
    /// <summary>Bytes of the code point that begins at <paramref name="at"/>.</summary>
    public static int LengthAt(ReadOnlySpan<byte> text, int at) => text[at] switch
    {
        < 0x80 => 1,
        < 0xE0 => 2,
        < 0xF0 => 3,
        _ => 4,
    };

    /// <summary>The code point at <paramref name="at"/> of valid UTF-8.</summary>
    public static int At(ReadOnlySpan<byte> text, int at, out int length)
    {
        int first = text[at];
        if (first < 0x80)
        {
            length = 1;
            return first;
        }
        if (first < 0xE0)
        {
            length = 2;
            return ((first & 0x1F) << 6) | (text[at + 1] & 0x3F);
        }
        if (first < 0xF0)
        {
            length = 3;
            return ((first & 0x0F) << 12) | ((text[at + 1] & 0x3F) << 6) | (text[at + 2] & 0x3F);
        }
        length = 4;
        return ((first & 0x07) << 18) | ((text[at + 1] & 0x3F) << 12) | ((text[at + 2] & 0x3F) << 6) | (text[at + 3] & 0x3F);
    }

    /// <summary>The code point that ends right before <paramref name="end"/>.</summary>
    public static int Before(ReadOnlySpan<byte> text, int end, out int length)
    {
        int start = end - 1;
        while ((text[start] & 0xC0) == 0x80)
        {
            start--;
        }
        length = end - start;
        return At(text, start, out _);
    }

    /// <summary>Unicode's White_Space property.</summary>
    public static bool IsWhiteSpace(int codePoint) => codePoint < 0x10000 && char.IsWhiteSpace((char)codePoint);

    public static UnicodeCategory CategoryOf(int codePoint) => CharUnicodeInfo.GetUnicodeCategory(codePoint);

    public static bool IsLetter(int codePoint) => CategoryOf(codePoint) <= UnicodeCategory.OtherLetter;

    public static bool IsNumber(int codePoint) =>
        CategoryOf(codePoint) is UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber;

    /// <summary>What <c>\w</c> means in Unicode's technical standard 18: alphabetic, marks, decimal digits, connectors and joiners.</summary>
    public static bool IsWord(int codePoint) => CategoryOf(codePoint) switch
    {
        <= UnicodeCategory.OtherLetter or UnicodeCategory.LetterNumber => true,
        UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark => true,
        UnicodeCategory.DecimalDigitNumber or UnicodeCategory.ConnectorPunctuation => true,
        UnicodeCategory.OtherSymbol => codePoint is (>= 0x24B6 and <= 0x24E9) or (>= 0x1F130 and <= 0x1F149) or (>= 0x1F150 and <= 0x1F169)
            or (>= 0x1F170 and <= 0x1F189),
        _ => codePoint is 0x200C or 0x200D,
    };

    public static int CountOf(ReadOnlySpan<byte> text)
    {
        int count = 0;
        foreach (byte value in text)
        {
            count += (value & 0xC0) != 0x80 ? 1 : 0;
        }
        return count;
    }

    public static string TextOf(int codePoint) => new Rune(codePoint).ToString();
}
