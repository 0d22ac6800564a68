using System.Globalization;

namespace KServePaged.Engine.ChatTemplates.Jinja.Formatting;

/// <summary>Python's spellings of floats. All but <see cref="Repr"/> take a number that is not negative; the sign is the caller's.</summary>
internal static class FloatFormat
{
    /// <summary>The shortest text that reads back as the same number.</summary>
    public static string Repr(double value)
    {
        if (!double.IsFinite(value))
        {
            return double.IsNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
        }
        string sign = double.IsNegative(value) ? "-" : string.Empty;
        ExactDecimal shortest = Shortest(Math.Abs(value));
        int exponent = shortest.Digits.Length == 0 ? 0 : shortest.Exponent - 1;
        return sign + (exponent is >= -4 and < 16
            ? Plain(shortest, Math.Max(1, shortest.Digits.Length - shortest.Exponent))
            : WithExponent(shortest, shortest.Digits.Length - 1, 'e', false));
    }

    /// <summary><c>f</c>: a fixed number of decimals.</summary>
    public static string Fixed(double value, int decimals, bool point = false)
    {
        ExactDecimal exact = ExactDecimal.Of(value);
        return Plain(exact.Round(exact.Exponent + decimals), decimals) + (point && decimals == 0 ? "." : string.Empty);
    }

    /// <summary><c>e</c>: one digit, a fixed number of decimals, an exponent.</summary>
    public static string Scientific(double value, int decimals, char symbol, bool point = false) =>
        WithExponent(ExactDecimal.Of(value).Round(decimals + 1), decimals, symbol, point);

    /// <summary><c>g</c>: significant digits, and whichever of the two fits.</summary>
    /// <param name="keepZeros">The alternate form, which drops no zeros.</param>
    /// <param name="oneDecimal">Plain notation has at least one decimal (a format without a type).</param>
    public static string General(double value, int digits, char symbol, bool keepZeros, bool oneDecimal = false)
    {
        int significant = Math.Max(1, digits);
        ExactDecimal rounded = ExactDecimal.Of(value).Round(significant);
        int exponent = rounded.Digits.Length == 0 ? 0 : rounded.Exponent - 1;
        if (exponent < -4 || exponent >= significant)
        {
            return WithExponent(rounded, keepZeros ? significant - 1 : Math.Max(0, rounded.Digits.Length - 1), symbol, keepZeros);
        }
        int decimals = keepZeros ? significant - 1 - exponent : Math.Max(0, rounded.Digits.Length - rounded.Exponent);
        string text = Plain(rounded, rounded.Digits.Length == 0 && !keepZeros ? 0 : Math.Max(decimals, oneDecimal ? 1 : 0));
        return keepZeros && !text.Contains('.') ? text + "." : oneDecimal && !text.Contains('.') ? text + ".0" : text;
    }

    /// <summary>Steps to pay for the exact digits of a number.</summary>
    public static long Cost(double value) => double.IsFinite(value) && value != 0 ? Math.Abs(Math.ILogB(value)) : 1;

    /// <summary>Python's <c>round(value, decimals)</c>; decimals may be negative.</summary>
    public static double Round(double value, int decimals)
    {
        if (!double.IsFinite(value) || decimals > 323)
        {
            return value;
        }
        ExactDecimal exact = ExactDecimal.Of(Math.Abs(value));
        ExactDecimal rounded = exact.Round(exact.Exponent + decimals);
        double result = double.Parse($"0.{(rounded.Digits.Length == 0 ? "0" : rounded.Digits)}e{rounded.Exponent}", CultureInfo.InvariantCulture);
        return double.IsInfinity(result)
            ? throw new TemplateException("rounded value too large to represent")
            : Math.CopySign(result, value);
    }

    /// <summary>The digits of .NET's shortest round-trip text: "123.45", "0.001" or "1.5E-07".</summary>
    private static ExactDecimal Shortest(double value)
    {
        string text = value.ToString("R", CultureInfo.InvariantCulture);
        int mark = text.IndexOf('E', StringComparison.Ordinal);
        string mantissa = mark < 0 ? text : text[..mark];
        int power = mark < 0 ? 0 : int.Parse(text.AsSpan(mark + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        int point = mantissa.IndexOf('.', StringComparison.Ordinal);
        string digits = mantissa.Replace(".", string.Empty, StringComparison.Ordinal);
        string significant = digits.TrimStart('0');
        return significant.Length == 0
            ? ExactDecimal.Zero
            : new ExactDecimal(significant.TrimEnd('0'), (point < 0 ? mantissa.Length : point) - (digits.Length - significant.Length) + power);
    }

    private static string Plain(ExactDecimal number, int decimals)
    {
        string digits = number.Digits;
        string whole = number.Exponent <= 0 ? "0" : digits.Length >= number.Exponent ? digits[..number.Exponent] : digits.PadRight(number.Exponent, '0');
        if (decimals <= 0)
        {
            return whole;
        }
        string fraction = number.Exponent >= digits.Length
            ? string.Empty
            : number.Exponent >= 0 ? digits[number.Exponent..] : new string('0', -number.Exponent) + digits;
        return whole + "." + fraction.PadRight(decimals, '0')[..decimals];
    }

    private static string WithExponent(ExactDecimal number, int decimals, char symbol, bool point)
    {
        string digits = number.Digits.PadRight(decimals + 1, '0');
        int exponent = number.Digits.Length == 0 ? 0 : number.Exponent - 1;
        string fraction = decimals > 0 ? "." + digits[1..(decimals + 1)] : point ? "." : string.Empty;
        return $"{digits[0]}{fraction}{symbol}{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}";
    }
}
