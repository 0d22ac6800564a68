using System.Globalization;
using KServePaged.Engine.Tokenization.Text;
using KServePaged.Engine.Tokenization.Unicode;

namespace KServePaged.Engine.Tokenization.Patterns;

/// <summary>The named classes of patterns. .NET 10 and the reference's regex engine both know Unicode 16, so the categories agree.</summary>
internal static class UnicodeProperties
{
    // In the order of UnicodeCategory.
    private static readonly string[] CategoryNames =
    [
        "lu", "ll", "lt", "lm", "lo", "mn", "mc", "me", "nd", "nl", "no", "zs", "zl", "zp", "cc", "cf", "cs", "co", "pc", "pd", "ps", "pe", "pi",
        "pf", "po", "sm", "sc", "sk", "so", "cn",
    ];

    private static readonly Dictionary<string, string> LongNames = new(StringComparer.Ordinal)
    {
        ["letter"] = "l",
        ["uppercaseletter"] = "lu",
        ["lowercaseletter"] = "ll",
        ["titlecaseletter"] = "lt",
        ["modifierletter"] = "lm",
        ["otherletter"] = "lo",
        ["mark"] = "m",
        ["nonspacingmark"] = "mn",
        ["spacingmark"] = "mc",
        ["enclosingmark"] = "me",
        ["number"] = "n",
        ["decimalnumber"] = "nd",
        ["letternumber"] = "nl",
        ["othernumber"] = "no",
        ["separator"] = "z",
        ["spaceseparator"] = "zs",
        ["lineseparator"] = "zl",
        ["paragraphseparator"] = "zp",
        ["other"] = "c",
        ["control"] = "cc",
        ["format"] = "cf",
        ["surrogate"] = "cs",
        ["privateuse"] = "co",
        ["unassigned"] = "cn",
        ["punctuation"] = "p",
        ["connectorpunctuation"] = "pc",
        ["dashpunctuation"] = "pd",
        ["openpunctuation"] = "ps",
        ["closepunctuation"] = "pe",
        ["initialpunctuation"] = "pi",
        ["finalpunctuation"] = "pf",
        ["otherpunctuation"] = "po",
        ["symbol"] = "s",
        ["mathsymbol"] = "sm",
        ["currencysymbol"] = "sc",
        ["modifiersymbol"] = "sk",
        ["othersymbol"] = "so",
    };

    private static readonly Lazy<CodePointSet[]> Categories = new(() =>
    {
        var byCategory = new List<int>[CategoryNames.Length];
        for (int codePoint = 0; codePoint < CodePointSet.Limit; codePoint++)
        {
            List<int> pairs = byCategory[(int)CodePoint.CategoryOf(codePoint)] ??= [];
            if (pairs.Count > 0 && pairs[^1] == codePoint - 1)
            {
                pairs[^1] = codePoint;
            }
            else
            {
                pairs.AddRange([codePoint, codePoint]);
            }
        }
        return [.. byCategory.Select(pairs => CodePointSet.FromPairs([.. pairs]))];
    });

    private static readonly Lazy<CodePointSet> Spaces = new(() => CodePointSet.Where(CodePoint.IsWhiteSpace));

    private static readonly Lazy<CodePointSet> Words =
        new(() => CodePointSet.Where(codePoint => CodePoint.IsWord(codePoint) && codePoint is not (0x200C or 0x200D)));

    private static readonly Lazy<CodePointSet> PatternWords = new(() => Words.Value.Union(CodePointSet.FromPairs([0xB2, 0xB3, 0xB9, 0xB9, 0xBC, 0xBE])));

    public static CodePointSet Space => Spaces.Value;

    public static CodePointSet HexDigit { get; } = CodePointSet.FromPairs(['0', '9', 'A', 'F', 'a', 'f']);

    public static CodePointSet Digit => Category("nd");

    /// <summary><c>\w</c> outside of classes: there the reference's regex engine counts six more characters of Latin-1, superscripts and fractions.</summary>
    public static CodePointSet Word => PatternWords.Value;

    /// <summary><c>\w</c> and <c>[:word:]</c> in classes.</summary>
    public static CodePointSet WordInClass => Words.Value;

    /// <returns>The class of <c>[:name:]</c>, or null for a name that is not known.</returns>
    public static CodePointSet? FindPosix(string name) => name switch
    {
        "word" => WordInClass,
        "punct" => Category("p").Union(Category("s")), // \p{Punct} has no symbols
        "space" or "digit" or "cntrl" or "xdigit" or "ascii" => Find(name),
        _ => null,
    };

    /// <param name="name">As written between braces; case, spaces, hyphens and underscores do not matter.</param>
    /// <returns>The class, or null for a name that is not known.</returns>
    public static CodePointSet? Find(string name)
    {
        name = name.ToLowerInvariant().Replace("_", "").Replace(" ", "").Replace("-", "");
        return name switch
        {
            "any" => CodePointSet.All,
            "ascii" => CodePointSet.Range(0, 127),
            "space" or "whitespace" => Space,
            "digit" => Digit,
            "word" => Word,
            "punct" => Category("p"),
            "cntrl" => Category("cc"),
            "xdigit" => HexDigit,
            _ when LongNames.TryGetValue(name, out string? shortName) => Category(shortName),
            _ when CategoryNames.Any(category => category.StartsWith(name, StringComparison.Ordinal)) && name.Length > 0 => Category(name),
            _ => Scripts.Find(name) is { } pairs ? CodePointSet.FromPairs(pairs) : null,
        };
    }

    private static CodePointSet Category(string name)
    {
        CodePointSet result = CodePointSet.Empty;
        for (int i = 0; i < CategoryNames.Length; i++)
        {
            result = CategoryNames[i].StartsWith(name, StringComparison.Ordinal) ? result.Union(Categories.Value[i]) : result;
        }
        return result;
    }
}
