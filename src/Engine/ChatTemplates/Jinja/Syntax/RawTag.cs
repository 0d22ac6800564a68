using KServePaged.Engine.ChatTemplates.Jinja.Formatting;

namespace KServePaged.Engine.ChatTemplates.Jinja.Syntax;

/// <summary>Recognizes <c>{% raw %}</c> and <c>{% endraw %}</c>, which the lexer must know before it looks for tokens.</summary>
internal static class RawTag
{
    /// <returns>Length of the opening tag that begins here, the whitespace that its <c>-%}</c> eats included; 0 for any other tag.</returns>
    public static int OpeningLength(string source, int start)
    {
        int at = SkipSign(source, start + 2, out _);
        at = SkipWord(source, at, "raw");
        if (at < 0)
        {
            return 0;
        }
        bool strips = at < source.Length && source[at] == '-';
        at += strips ? 1 : 0;
        if (!Matches(source, at, "%}"))
        {
            return 0;
        }
        at += 2;
        return (strips ? SkipSpace(source, at) : at) - start;
    }

    /// <returns>
    /// Where the closing tag is, how long, and its signs in front and behind; a start of -1 where there is none.
    /// </returns>
    public static (int Start, int Length, char Open, char Close) FindClosing(string source, int from)
    {
        for (int start = source.IndexOf("{%", from, StringComparison.Ordinal); start >= 0;
            start = source.IndexOf("{%", start + 1, StringComparison.Ordinal))
        {
            int at = SkipSign(source, start + 2, out char open);
            at = SkipWord(source, at, "endraw");
            if (at < 0)
            {
                continue;
            }
            at = SkipSign(source, at, out char close);
            if (Matches(source, at, "%}"))
            {
                return (start, at + 2 - start, open, close);
            }
        }
        return (-1, 0, '\0', '\0');
    }

    private static int SkipWord(string source, int at, string word)
    {
        at = SkipSpace(source, at);
        return Matches(source, at, word) ? SkipSpace(source, at + word.Length) : -1;
    }

    private static int SkipSign(string source, int at, out char sign)
    {
        sign = at < source.Length && source[at] is '-' or '+' ? source[at] : '\0';
        return sign == '\0' ? at : at + 1;
    }

    private static int SkipSpace(string source, int at)
    {
        while (at < source.Length && Characters.IsSpace(source[at]))
        {
            at++;
        }
        return at;
    }

    private static bool Matches(string source, int at, string text) => string.CompareOrdinal(source, at, text, 0, text.Length) == 0;
}
