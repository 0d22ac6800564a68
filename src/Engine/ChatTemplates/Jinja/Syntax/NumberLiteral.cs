using System.Globalization;
using System.Numerics;
using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Syntax;

/// <summary>Number literals: Python's, underscores between digits included.</summary>
internal static class NumberLiteral
{
    public const int MaxLength = 4300; // Python reads no longer ones; beyond it the number given back is cut

    /// <param name="allowFloat">False behind a dot: <c>a.0.1</c> is two subscripts.</param>
    public static (Value Number, int Length) Read(string source, int start, bool allowFloat)
    {
        if (allowFloat && FloatLength(source, start) is int floatLength and > 0)
        {
            string text = source.Substring(start, floatLength).Replace("_", string.Empty, StringComparison.Ordinal);
            return (Value.Of(double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture)), floatLength);
        }
        int radix = start + 1 < source.Length && source[start] == '0' ? source[start + 1] switch
        {
            'x' or 'X' => 16,
            'o' or 'O' => 8,
            'b' or 'B' => 2,
            _ => 0,
        } : 10;
        if (radix is 16 or 8 or 2 && Digits(source, start + 2, radix, leadingUnderscore: true) is int end && end > start + 2)
        {
            return (InBase(source[(start + 2)..end], radix), end - start);
        }
        // A leading zero stands alone, or with more zeros.
        int stop = source[start] == '0' ? Digits(source, start, 1) : Digits(source, start, 10);
        string digits = source[start..Math.Min(stop, start + MaxLength)].Replace("_", string.Empty, StringComparison.Ordinal);
        return (Value.Of(BigInteger.Parse(digits, CultureInfo.InvariantCulture)), stop - start);
    }

    private static Value InBase(string digits, int radix)
    {
        BigInteger number = BigInteger.Zero;
        foreach (char digit in digits.Take(MaxLength))
        {
            number = digit == '_' ? number : (number * radix) + Convert.ToInt32(digit.ToString(), 16);
        }
        return Value.Of(number);
    }

    /// <returns>Length of a float that begins here: a fraction, an exponent or both; 0 where there is none.</returns>
    private static int FloatLength(string source, int start)
    {
        int at = Digits(source, start, 10);
        bool isFloat = false;
        if (at + 1 < source.Length && source[at] == '.' && char.IsAsciiDigit(source[at + 1]))
        {
            at = Digits(source, at + 1, 10);
            isFloat = true;
        }
        if (at < source.Length && source[at] is 'e' or 'E')
        {
            int exponent = at + 1 < source.Length && source[at + 1] is '+' or '-' ? at + 2 : at + 1;
            int end = Digits(source, exponent, 10);
            if (end > exponent)
            {
                (at, isFloat) = (end, true);
            }
        }
        return isFloat ? at - start : 0;
    }

    /// <summary>Steps over digits with single underscores between them.</summary>
    private static int Digits(string source, int at, int radix, bool leadingUnderscore = false)
    {
        bool underscore = leadingUnderscore;
        while (at < source.Length)
        {
            if (source[at] == '_' && underscore && at + 1 < source.Length && IsDigit(source[at + 1], radix))
            {
                at++;
            }
            if (!IsDigit(source[at], radix))
            {
                break;
            }
            at++;
            underscore = true;
        }
        return at;
    }

    private static bool IsDigit(char unit, int radix) =>
        char.IsAsciiHexDigit(unit) && Convert.ToInt32(unit.ToString(), 16) < radix;
}
