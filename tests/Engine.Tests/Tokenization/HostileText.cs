using System.Text;

namespace KServePaged.Engine.Tests.Tokenization;

/// <summary>Texts of the kind that break tokenizers, from a seed.</summary>
internal sealed class HostileText(int seed)
{
    private static readonly string[] Fragments =
    [
        "the", "Hello", "don't", "WE'LL", "it'ſ", "naïve", "e\u0301", "a\u0308\u0323", "Straße", "İstanbul", "你好", "世界", "こんにちは", "한국어", "\u1100\u1161\u11A8",
        "привет", "مرحبا", "नमस्ते", "สวัสดี", "3.14", "1234567", "٣٤٥", "½", "Ⅷ", "①", "🚀", "😶‍🌫️", "👩‍👩‍👧", "🇩🇪", "ﷺ", "ﬁ", "\u212B", "x_y", "http://x.y/?q=1", "\uFFFD",
        " ", "  ", "    ", "\n", "\n\n", "\r\n", "\t", "\u00A0", "\u3000", "\u0085", "\u2028", "\u200B", "\u200D", "\uFEFF", "\0", "\u007F",
        ".", ",", "!?", "'", "\"", "...", "()", "[]", "{}", "<", ">", "|", "--", "==", "&&", "#", "@", "~", "^", "$", "%",
    ];

    private readonly Random _random = new(seed);

    public string Next(int maxFragments = 16)
    {
        var text = new StringBuilder();
        int count = _random.Next(maxFragments);
        for (int i = 0; i < count; i++)
        {
            text.Append(_random.Next(4) == 0 ? Character() : Fragments[_random.Next(Fragments.Length)]);
        }
        return text.ToString();
    }

    public string Character()
    {
        int limit = _random.Next(4) switch { 0 => 0x80, 1 => 0x800, 2 => 0x10000, _ => 0x110000 };
        int codePoint = _random.Next(limit);
        return Rune.IsValid(codePoint) ? new Rune(codePoint).ToString() : "\uFFFD";
    }
}
