using System.Globalization;

namespace KServePaged.Engine.Tokenization.Text;

/// <summary>The classes of characters that the common pre-tokenizer patterns tell apart.</summary>
internal enum CharacterKind : byte
{
    Letter,
    Number,
    Space,

    /// <summary>Carriage return and line feed; also white space.</summary>
    NewLine,
    Other,
}

/// <summary>Classifies the characters of UTF-8.</summary>
internal static class CharacterKinds
{
    private static readonly CharacterKind[] Ascii = Enumerable.Range(0, 128).Select(Classify).ToArray();

    public static CharacterKind At(ReadOnlySpan<byte> text, int at, out int length)
    {
        byte first = text[at];
        if (first < 128)
        {
            length = 1;
            return Ascii[first];
        }
        return Classify(CodePoint.At(text, at, out length));
    }

    /// <summary>The end of the run of one kind that begins at <paramref name="at"/>.</summary>
    public static int EndOfRun(ReadOnlySpan<byte> text, int at, CharacterKind kind)
    {
        while (at < text.Length && At(text, at, out int length) == kind)
        {
            at += length;
        }
        return at;
    }

    /// <summary>The end of the run of white space that begins at <paramref name="at"/>.</summary>
    public static int EndOfSpace(ReadOnlySpan<byte> text, int at)
    {
        while (at < text.Length && At(text, at, out int length) is CharacterKind.Space or CharacterKind.NewLine)
        {
            at += length;
        }
        return at;
    }

    private static CharacterKind Classify(int codePoint) => CodePoint.CategoryOf(codePoint) switch
    {
        <= UnicodeCategory.OtherLetter => CharacterKind.Letter,
        UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => CharacterKind.Number,
        _ when codePoint is '\r' or '\n' => CharacterKind.NewLine,
        _ => CodePoint.IsWhiteSpace(codePoint) ? CharacterKind.Space : CharacterKind.Other,
    };
}
