using System.Globalization;
using System.Numerics;
using System.Text;
using KServePaged.Engine.ChatTemplates.Jinja.Formatting;

namespace KServePaged.Engine.ChatTemplates.Jinja.Library;

/// <summary>Python's <c>int(text)</c> and <c>float(text)</c>: whitespace around, underscores between digits, digits of any script.</summary>
internal static class NumberParser
{
    public const int MaxDigits = 4300; // Python reads no longer ones

    /// <param name="radix">2 to 36, or 0 to go by the prefix.</param>
    public static bool TryInteger(string text, int radix, out BigInteger number)
    {
        number = default;
        string digits = Normalize(text);
        bool negative = digits.StartsWith('-');
        digits = negative || digits.StartsWith('+') ? digits[1..] : digits;
        if (radix is not 0 and (< 2 or > 36))
        {
            return false;
        }
        int prefixed = digits.Length > 1 && digits[0] == '0' ? char.ToLowerInvariant(digits[1]) switch { 'x' => 16, 'o' => 8, 'b' => 2, _ => 0 } : 0;
        if (prefixed != 0 && radix is 0 || prefixed == radix && radix != 0)
        {
            digits = digits[2..];
            digits = digits.StartsWith('_') ? digits[1..] : digits;
            radix = prefixed;
        }
        else if (radix == 0)
        {
            radix = digits.TrimStart('0', '_').Length > 0 && digits.StartsWith('0') ? -1 : 10;
        }
        if (radix < 0 || !TryDigits(digits, radix, out number))
        {
            return false;
        }
        number = negative ? -number : number;
        return true;
    }

    public static double? TryFloat(string text)
    {
        string number = Normalize(text);
        string unsigned = number.StartsWith('-') || number.StartsWith('+') ? number[1..] : number;
        double sign = number.StartsWith('-') ? -1 : 1;
        switch (unsigned.ToLowerInvariant())
        {
            case "inf" or "infinity":
                return sign * double.PositiveInfinity;
            case "nan":
                return double.NaN;
        }
        bool wellFormed = unsigned.Length > 0 && (char.IsAsciiDigit(unsigned[0]) || unsigned[0] == '.') && UnderscoresSeparate(unsigned);
        return wellFormed && double.TryParse(
            unsigned.Replace("_", string.Empty, StringComparison.Ordinal),
            NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent,
            CultureInfo.InvariantCulture,
            out double result)
            ? sign * result
            : null;
    }

    private static bool TryDigits(string digits, int radix, out BigInteger number)
    {
        number = BigInteger.Zero;
        if (digits.Length is 0 or > MaxDigits || !UnderscoresSeparate(digits))
        {
            return false;
        }
        if (radix == 10)
        {
            string plain = digits.Replace("_", string.Empty, StringComparison.Ordinal);
            return plain.All(char.IsAsciiDigit) && BigInteger.TryParse(plain, NumberStyles.None, CultureInfo.InvariantCulture, out number);
        }
        foreach (char unit in digits)
        {
            if (unit == '_')
            {
                continue;
            }
            int digit = char.IsAsciiDigit(unit) ? unit - '0' : char.IsAsciiLetter(unit) ? char.ToLowerInvariant(unit) - 'a' + 10 : 99;
            if (digit >= radix)
            {
                return false;
            }
            number = (number * radix) + digit;
        }
        return true;
    }

    /// <summary>Underscores stand one by one between letters or digits.</summary>
    private static bool UnderscoresSeparate(string digits)
    {
        for (int i = 0; i < digits.Length; i++)
        {
            if (digits[i] == '_' && (i == 0 || i + 1 == digits.Length || !char.IsAsciiLetterOrDigit(digits[i - 1]) || !char.IsAsciiLetterOrDigit(digits[i + 1])))
            {
                return false;
            }
        }
        return true;
    }

    /// <summary>Without whitespace around, and with the decimal digits of any script as ASCII.</summary>
    private static string Normalize(string text)
    {
        int start = 0;
        int end = text.Length;
        while (start < end && Characters.IsSpace(text[start]))
        {
            start++;
        }
        while (end > start && Characters.IsSpace(text[end - 1]))
        {
            end--;
        }
        string trimmed = text[start..end];
        if (Ascii.IsValid(trimmed))
        {
            return trimmed;
        }
        var result = new StringBuilder(trimmed.Length);
        for (int i = 0; i < trimmed.Length; i += CodePoints.LengthAt(trimmed, i))
        {
            int digit = Characters.DecimalValue(CodePoints.At(trimmed, i));
            result.Append(digit >= 0 ? ((char)('0' + digit)).ToString() : CodePoints.From(CodePoints.At(trimmed, i)));
        }
        return result.ToString();
    }
}
