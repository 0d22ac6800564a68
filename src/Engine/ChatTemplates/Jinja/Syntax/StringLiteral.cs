using System.Globalization;
using System.Text;
using KServePaged.Engine.ChatTemplates.Jinja.Formatting;

namespace KServePaged.Engine.ChatTemplates.Jinja.Syntax;

/// <summary>Escape sequences of string literals, as Python's unicode-escape codec reads them.</summary>
internal static class StringLiteral
{
    /// <param name="error">Makes the exception for a broken sequence.</param>
    public static string Unescape(string text, Func<string, Exception> error)
    {
        int slash = text.IndexOf('\\', StringComparison.Ordinal);
        if (slash < 0)
        {
            return text;
        }
        var result = new StringBuilder(text.Length);
        int plain = 0;
        for (; slash >= 0; slash = plain <= text.Length ? text.IndexOf('\\', plain) : -1)
        {
            result.Append(text, plain, slash - plain);
            plain = slash + 2;
            if (plain > text.Length)
            {
                throw error("\\ at end of string");
            }
            Append(result, text, slash + 1, ref plain, error);
        }
        return result.Append(text, plain, text.Length - plain).ToString();
    }

    private static void Append(StringBuilder result, string text, int at, ref int next, Func<string, Exception> error)
    {
        char unit = text[at];
        int simple = "\\'\"abfnrtv".IndexOf(unit);
        if (simple >= 0)
        {
            result.Append("\\'\"\a\b\f\n\r\t\v"[simple]);
            return;
        }
        switch (unit)
        {
            case '\n': // a continued line
                break;
            case >= '0' and <= '7':
                int end = at + 1;
                while (end < text.Length && end < at + 3 && text[end] is >= '0' and <= '7')
                {
                    end++;
                }
                result.Append((char)Convert.ToInt32(text[at..end], 8));
                next = end;
                break;
            case 'x' or 'u' or 'U':
                int length = unit switch { 'x' => 2, 'u' => 4, _ => 8 };
                next = at + 1 + length;
                result.Append(CodePoint(text, at + 1, length, error));
                break;
            case 'N':
                throw error("character names (\\N{…}) are not supported");
            case < '\u0080':
                result.Append('\\').Append(unit);
                break;
            default:
                // Python first writes such a character as an escape of its own, whose backslash is then the escaped one.
                int code = CodePoints.At(text, at);
                next = at + CodePoints.LengthAt(text, at);
                result.Append('\\').Append(code < 0x100 ? $"x{code:x2}" : code < 0x10000 ? $"u{code:x4}" : $"U{code:x8}");
                break;
        }
    }

    private static string CodePoint(string text, int start, int length, Func<string, Exception> error)
    {
        bool complete = start + length <= text.Length
            && text.Skip(start).Take(length).All(char.IsAsciiHexDigit);
        long code = complete ? long.Parse(text.AsSpan(start, length), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture) : -1;
        return code is >= 0 and <= 0x10ffff
            ? CodePoints.From((int)code)
            : throw error(complete ? "illegal Unicode character" : "truncated escape sequence in a string");
    }
}
