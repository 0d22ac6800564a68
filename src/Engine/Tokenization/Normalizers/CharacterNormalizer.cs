using System.Text;
using KServePaged.Engine.Tokenization.Text;
using KServePaged.Engine.Tokenization.Unicode;

namespace KServePaged.Engine.Tokenization.Normalizers;

/// <summary>Changes or drops each character by itself.</summary>
/// <param name="drops">Some characters vanish.</param>
/// <param name="write">Appends what stands for a character.</param>
internal sealed class CharacterNormalizer(bool drops, Action<int, Utf8Buffer> write) : Normalizer
{
    /// <summary>Lower case, character by character: a final sigma is a sigma.</summary>
    public static CharacterNormalizer Lowercase { get; } = new(drops: false, (codePoint, output) =>
    {
        output.Append(new Rune(ReferenceClasses.ToLower(codePoint, out bool dotFollows)));
        if (dotFollows)
        {
            output.Append(new Rune(0x307));
        }
    });

    public static CharacterNormalizer StripAccents { get; } = Dropping(ReferenceClasses.IsMark);

    /// <summary>SentencePiece's control characters and spaces.</summary>
    public static CharacterNormalizer Nmt { get; } = new(drops: true, (codePoint, output) =>
    {
        if (codePoint is not ((>= 1 and <= 8) or 0xB or (>= 0xE and <= 0x1F) or 0x7F or 0x8F or 0x9F))
        {
            bool isSpace = codePoint is '\t' or '\n' or '\f' or '\r' or 0x1680 or (>= 0x200B and <= 0x200F) or 0x2028 or 0x2029 or 0x2581 or 0xFEFF or 0xFFFD;
            output.Append(new Rune(isSpace ? ' ' : codePoint));
        }
    });

    public static CharacterNormalizer BertClean { get; } = new(drops: true, (codePoint, output) =>
    {
        if (codePoint != 0 && !ReferenceClasses.IsControl(codePoint))
        {
            output.Append(new Rune(CodePoint.IsWhiteSpace(codePoint) ? ' ' : codePoint));
        }
    });

    /// <summary>A space on both sides of each ideograph.</summary>
    public static CharacterNormalizer BertIdeographs { get; } = new(drops: false, (codePoint, output) =>
    {
        bool apart = codePoint is (>= 0x4E00 and <= 0x9FFF) or (>= 0x3400 and <= 0x4DBF) or (>= 0x20000 and <= 0x2A6DF) or (>= 0x2A700 and <= 0x2B81F)
            or (>= 0x2B920 and <= 0x2CEAF) or (>= 0xF900 and <= 0xFAFF) or (>= 0x2F800 and <= 0x2FA1F);
        output.Append(apart ? " "u8 : default);
        output.Append(new Rune(codePoint));
        output.Append(apart ? " "u8 : default);
    });

    public static CharacterNormalizer BertStripAccents { get; } = Dropping(ReferenceClasses.IsAccent);

    public override int Shrinkage => drops ? int.MaxValue : 1;

    public override bool Normalize(ReadOnlySpan<byte> text, Utf8Buffer output)
    {
        int before = output.Length;
        bool keepsStart = true;
        for (int at = 0, length; at < text.Length; at += length)
        {
            write(CodePoint.At(text, at, out length), output);
            keepsStart &= output.Length > before;
        }
        return keepsStart;
    }

    private static CharacterNormalizer Dropping(Func<int, bool> isDropped) => new(drops: true, (codePoint, output) =>
    {
        if (!isDropped(codePoint))
        {
            output.Append(new Rune(codePoint));
        }
    });
}
