using System.Globalization;
using System.Text;

namespace KServePaged.Engine.Tokenization.Patterns;

/// <summary>Reads character classes and the escapes that stand for characters or classes.</summary>
internal sealed class ClassParser(int[] source)
{
    private const int MaxDepth = 32;
    private int _depth;

    /// <param name="at">Behind the opening bracket; afterwards behind the closing one.</param>
    public CodePointSet Read(ref int at)
    {
        if (++_depth > MaxDepth)
        {
            throw Error("classes nested too deep", at);
        }
        bool negated = TryTake('^', ref at);
        CodePointSet set = CodePointSet.Empty;
        CodePointSet? left = null;
        for (int start = at; ;)
        {
            if (at >= source.Length)
            {
                throw Error("a missing ]", at);
            }
            if (source[at] == ']' && at > start)
            {
                at++;
                break;
            }
            if (source[at] == '&' && at + 1 < source.Length && source[at + 1] == '&')
            {
                at += 2;
                left = left?.Intersect(set) ?? set;
                set = CodePointSet.Empty;
                continue;
            }
            set = set.Union(ReadMember(ref at));
        }
        _depth--;
        set = left?.Intersect(set) ?? set;
        return negated ? set.Invert() : set;
    }

    /// <summary>Reads an escape that stands for a character or a class.</summary>
    /// <param name="at">Behind the backslash; afterwards behind the escape.</param>
    /// <param name="isClass">It is a class and not one character.</param>
    public CodePointSet ReadEscape(ref int at, out bool isClass)
    {
        isClass = true;
        int c = Take(ref at);
        switch (c)
        {
            case 's' or 'S':
                return Maybe(UnicodeProperties.Space, c == 'S');
            case 'd' or 'D':
                return Maybe(UnicodeProperties.Digit, c == 'D');
            case 'w' or 'W':
                return Maybe(_depth > 0 ? UnicodeProperties.WordInClass : UnicodeProperties.Word, c == 'W');
            case 'h' or 'H':
                return Maybe(UnicodeProperties.HexDigit, c == 'H');
            case 'N':
                return CodePointSet.Of('\n').Invert();
            case 'O':
                return CodePointSet.All;
            case 'p' or 'P':
                return ReadProperty(ref at, c == 'P');
            default:
                isClass = false;
                return CodePointSet.Of(ReadCharacterEscape(c, ref at));
        }
    }

    private CodePointSet ReadMember(ref int at)
    {
        int c = source[at++];
        if (c == '[')
        {
            return TryReadPosix(ref at) ?? Read(ref at);
        }
        if (c == '\\')
        {
            CodePointSet set = ReadEscape(ref at, out bool isClass);
            if (isClass)
            {
                return set;
            }
            c = set.Members().Single();
        }
        bool isRange = at + 1 < source.Length && source[at] == '-' && source[at + 1] is not (']' or '[');
        if (!isRange)
        {
            return CodePointSet.Of(c);
        }
        int afterHyphen = ++at;
        int last = source[at++];
        if (last == '\\')
        {
            CodePointSet set = ReadEscape(ref at, out bool isClass);
            if (isClass)
            {
                at = afterHyphen; // [a-\d]: the hyphen is itself
                return CodePointSet.Of(c).Union(CodePointSet.Of('-'));
            }
            last = set.Members().Single();
        }
        return last >= c ? CodePointSet.Range(c, last) : throw Error("a range that runs backwards", at);
    }

    private CodePointSet? TryReadPosix(ref int at)
    {
        int end = Array.IndexOf(source, ']', at);
        if (at >= source.Length || source[at] != ':' || end < at + 3 || source[end - 1] != ':')
        {
            return null;
        }
        bool negated = source[at + 1] == '^';
        string name = Text(at + (negated ? 2 : 1), end - 1);
        CodePointSet set = UnicodeProperties.FindPosix(name) ?? throw Error($"the class [:{name}:] is not supported", at);
        at = end + 1;
        return Maybe(set, negated);
    }

    private CodePointSet ReadProperty(ref int at, bool negated)
    {
        int end = Array.IndexOf(source, '}', at);
        if (at >= source.Length || source[at] != '{' || end < 0)
        {
            throw Error("a property without braces", at);
        }
        bool inverted = source[at + 1] == '^';
        string name = Text(at + (inverted ? 2 : 1), end);
        CodePointSet set = UnicodeProperties.Find(name) ?? throw Error($"the property '{name}' is not supported", at);
        at = end + 1;
        return Maybe(set, negated ^ inverted);
    }

    private int ReadCharacterEscape(int c, ref int at) => c switch
    {
        't' => '\t',
        'n' => '\n',
        'r' => '\r',
        'f' => '\f',
        'v' => '\v',
        'a' => '\a',
        'e' => 0x1B,
        'x' when at < source.Length && source[at] == '{' => ReadBracedHex(ref at),
        'x' => ReadHex(ref at, 2, 1),
        'u' => ReadHex(ref at, 4, 4),
        >= 'a' and <= 'z' or >= 'A' and <= 'Z' or >= '0' and <= '9' => throw Error($"the escape \\{(char)c} is not supported", at),
        _ => c,
    };

    private int ReadBracedHex(ref int at)
    {
        at++;
        int value = ReadHex(ref at, 8, 1);
        return TryTake('}', ref at) ? value : throw Error("a missing }", at);
    }

    private int ReadHex(ref int at, int maxDigits, int minDigits)
    {
        int start = at;
        while (at < source.Length && at - start < maxDigits && source[at] < 128 && char.IsAsciiHexDigit((char)source[at]))
        {
            at++;
        }
        bool isValue = at - start >= minDigits
            && uint.TryParse(Text(start, at), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint value) && Rune.IsValid(value)
            && !(maxDigits == 2 && value > 127); // \xE4 is a byte there, not a character
        return isValue ? (int)uint.Parse(Text(start, at), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture) : throw Error("no character's number", at);
    }

    private static CodePointSet Maybe(CodePointSet set, bool inverted) => inverted ? set.Invert() : set;

    private bool TryTake(int c, ref int at)
    {
        bool found = at < source.Length && source[at] == c;
        at += found ? 1 : 0;
        return found;
    }

    private int Take(ref int at) => at < source.Length ? source[at++] : throw Error("an escape that does not end", at);

    private string Text(int from, int to) => string.Concat(source[from..to].Select(c => new Rune(c).ToString()));

    private static FormatException Error(string what, int at) => new($"{what} at character {at}");
}
