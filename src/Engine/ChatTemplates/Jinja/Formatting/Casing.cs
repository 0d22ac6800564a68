using System.Collections.Frozen;
using System.Globalization;
using System.Text;

namespace KServePaged.Engine.ChatTemplates.Jinja.Formatting;

/// <summary>Python's case conversions: Unicode's full mappings, where one letter may become several ("ß" → "SS").</summary>
internal static class Casing
{
    private const int CapitalSigma = 0x3a3;

    // A letter and its capitals, for the letters that have more than one.
    private const string SeveralCapitals =
        "ßSS ŉ\u02bcN ǰJ\u030c \u0390\u0399\u0308\u0301 \u03b0\u03a5\u0308\u0301 \u0587\u0535\u0552 \u1e96H\u0331 "
        + "\u1e97T\u0308 \u1e98W\u030a \u1e99Y\u030a \u1e9aA\u02be \u1f50\u03a5\u0313 \u1f52\u03a5\u0313\u0300 "
        + "\u1f54\u03a5\u0313\u0301 \u1f56\u03a5\u0313\u0342 \u1f80\u1f08\u0399 \u1f81\u1f09\u0399 \u1f82\u1f0a\u0399 "
        + "\u1f83\u1f0b\u0399 \u1f84\u1f0c\u0399 \u1f85\u1f0d\u0399 \u1f86\u1f0e\u0399 \u1f87\u1f0f\u0399 \u1f88\u1f08\u0399 "
        + "\u1f89\u1f09\u0399 \u1f8a\u1f0a\u0399 \u1f8b\u1f0b\u0399 \u1f8c\u1f0c\u0399 \u1f8d\u1f0d\u0399 \u1f8e\u1f0e\u0399 "
        + "\u1f8f\u1f0f\u0399 \u1f90\u1f28\u0399 \u1f91\u1f29\u0399 \u1f92\u1f2a\u0399 \u1f93\u1f2b\u0399 \u1f94\u1f2c\u0399 "
        + "\u1f95\u1f2d\u0399 \u1f96\u1f2e\u0399 \u1f97\u1f2f\u0399 \u1f98\u1f28\u0399 \u1f99\u1f29\u0399 \u1f9a\u1f2a\u0399 "
        + "\u1f9b\u1f2b\u0399 \u1f9c\u1f2c\u0399 \u1f9d\u1f2d\u0399 \u1f9e\u1f2e\u0399 \u1f9f\u1f2f\u0399 \u1fa0\u1f68\u0399 "
        + "\u1fa1\u1f69\u0399 \u1fa2\u1f6a\u0399 \u1fa3\u1f6b\u0399 \u1fa4\u1f6c\u0399 \u1fa5\u1f6d\u0399 \u1fa6\u1f6e\u0399 "
        + "\u1fa7\u1f6f\u0399 \u1fa8\u1f68\u0399 \u1fa9\u1f69\u0399 \u1faa\u1f6a\u0399 \u1fab\u1f6b\u0399 \u1fac\u1f6c\u0399 "
        + "\u1fad\u1f6d\u0399 \u1fae\u1f6e\u0399 \u1faf\u1f6f\u0399 \u1fb2\u1fba\u0399 \u1fb3\u0391\u0399 \u1fb4\u0386\u0399 "
        + "\u1fb6\u0391\u0342 \u1fb7\u0391\u0342\u0399 \u1fbc\u0391\u0399 \u1fc2\u1fca\u0399 \u1fc3\u0397\u0399 "
        + "\u1fc4\u0389\u0399 \u1fc6\u0397\u0342 \u1fc7\u0397\u0342\u0399 \u1fcc\u0397\u0399 \u1fd2\u0399\u0308\u0300 "
        + "\u1fd3\u0399\u0308\u0301 \u1fd6\u0399\u0342 \u1fd7\u0399\u0308\u0342 \u1fe2\u03a5\u0308\u0300 "
        + "\u1fe3\u03a5\u0308\u0301 \u1fe4\u03a1\u0313 \u1fe6\u03a5\u0342 \u1fe7\u03a5\u0308\u0342 \u1ff2\u1ffa\u0399 "
        + "\u1ff3\u03a9\u0399 \u1ff4\u038f\u0399 \u1ff6\u03a9\u0342 \u1ff7\u03a9\u0342\u0399 \u1ffc\u03a9\u0399 \ufb00FF "
        + "\ufb01FI \ufb02FL \ufb03FFI \ufb04FFL \ufb05ST \ufb06ST \ufb13\u0544\u0546 \ufb14\u0544\u0535 \ufb15\u0544\u053b "
        + "\ufb16\u054e\u0546 \ufb17\u0544\u053d";

    private static readonly FrozenDictionary<int, string> Capitals =
        SeveralCapitals.Split(' ').ToFrozenDictionary(entry => (int)entry[0], entry => entry[1..]);

    public static string Upper(string text) => Ascii.IsValid(text) ? text.ToUpperInvariant() : Map(text, UpperOf);

    public static string Lower(string text) => Ascii.IsValid(text) ? text.ToLowerInvariant() : Map(text, LowerOf);

    public static string Swap(string text) => Map(text, (source, at) =>
        Characters.IsUpper(CodePoints.At(source, at)) ? LowerOf(source, at) : UpperOf(source, at));

    /// <summary>For comparisons without case.</summary>
    public static string Fold(string text) => Ascii.IsValid(text) ? text.ToLowerInvariant() : Map(text, FoldOf);

    public static string Capitalize(string text)
    {
        if (text.Length == 0)
        {
            return text;
        }
        int first = CodePoints.LengthAt(text, 0);
        return TitleOf(text, 0) + Map(text, LowerOf, first);
    }

    /// <summary>Python's <c>str.title</c>: a letter after anything without case is a capital.</summary>
    public static string Title(string text)
    {
        var result = new StringBuilder(text.Length);
        bool inWord = false;
        for (int i = 0; i < text.Length; i += CodePoints.LengthAt(text, i))
        {
            result.Append(inWord ? LowerOf(text, i) : TitleOf(text, i));
            inWord = IsCased(CodePoints.At(text, i));
        }
        return result.ToString();
    }

    public static bool IsCased(int code) => Characters.IsUpper(code) || Characters.IsLower(code) || Characters.IsTitle(code);

    private static string Map(string text, Func<string, int, string> map, int start = 0)
    {
        var result = new StringBuilder(text.Length);
        for (int i = start; i < text.Length; i += CodePoints.LengthAt(text, i))
        {
            result.Append(map(text, i));
        }
        return result.ToString();
    }

    private static string UpperOf(string text, int at)
    {
        int code = CodePoints.At(text, at);
        return Capitals.TryGetValue(code, out string? several) ? several : Simple(code, Rune.ToUpperInvariant);
    }

    private static string LowerOf(string text, int at) => CodePoints.At(text, at) switch
    {
        0x130 => "i\u0307",
        CapitalSigma => EndsWord(text, at) ? "\u03c2" : "\u03c3",
        int code => Simple(code, Rune.ToLowerInvariant),
    };

    private static string TitleOf(string text, int at)
    {
        int code = CodePoints.At(text, at);
        if (code is >= 0x1c4 and <= 0x1cc or >= 0x1f1 and <= 0x1f3)
        {
            return CodePoints.From(code >= 0x1f1 ? 0x1f2 : ((code - 0x1c4) / 3 * 3) + 0x1c5); // the digraphs DŽ LJ NJ DZ
        }
        if (code is >= 0x10d0 and <= 0x10ff || Characters.IsTitle(code))
        {
            return CodePoints.From(code); // Georgian has capitals for whole words only
        }
        string simple = Simple(code, Rune.ToUpperInvariant);
        return simple == CodePoints.From(code) && Capitals.TryGetValue(code, out string? several)
            ? several[0] + several[1..].ToLowerInvariant()
            : simple;
    }

    private static string FoldOf(string text, int at)
    {
        int code = CodePoints.At(text, at);
        if (code is >= 0x13a0 and <= 0x13f5 or 0x131)
        {
            return CodePoints.From(code); // Cherokee folds to capitals; the dotless i is its own letter
        }
        if (code is >= 0x13f8 and <= 0x13fd or >= 0xab70 and <= 0xabbf)
        {
            return Simple(code, Rune.ToUpperInvariant);
        }
        return Map(Map(Map(CodePoints.From(code), LowerOf), UpperOf), LowerOf);
    }

    private static string Simple(int code, Func<Rune, Rune> map) =>
        Rune.IsValid(code) ? map(new Rune(code)).ToString() : CodePoints.From(code);

    /// <summary>A capital sigma ends a word after a letter with case and before none, marks between them aside.</summary>
    private static bool EndsWord(string text, int at)
    {
        int before = at - 1;
        while (before >= 0 && IsIgnored(text[before]))
        {
            before--;
        }
        int after = at + 1;
        while (after < text.Length && IsIgnored(text[after]))
        {
            after++;
        }
        return before >= 0 && IsCased(text[before]) && (after >= text.Length || !IsCased(CodePoints.At(text, after)));
    }

    private static bool IsIgnored(char unit) => unit is '\'' or '.' or ':' or '^' or '`' or '\u00b7' or '\u2019'
        || Characters.Category(unit) is UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark or UnicodeCategory.Format
            or UnicodeCategory.ModifierLetter or UnicodeCategory.ModifierSymbol;
}
