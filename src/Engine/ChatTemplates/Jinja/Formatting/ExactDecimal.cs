using System.Globalization;
using System.Numerics;

namespace KServePaged.Engine.ChatTemplates.Jinja.Formatting;

/// <summary>
/// The exact decimal value of a float: 0.DIGITS · 10^Exponent, no zero in front. Python rounds this value half to even; .NET's own
/// formats round halves away from zero ("F0" of 2.5 is 3, Python says 2).
/// </summary>
internal readonly record struct ExactDecimal(string Digits, int Exponent)
{
    public static readonly ExactDecimal Zero = new(string.Empty, 0);

    /// <param name="value">Finite and not negative.</param>
    public static ExactDecimal Of(double value)
    {
        if (value == 0)
        {
            return Zero;
        }
        long bits = BitConverter.DoubleToInt64Bits(value);
        int exponent = (int)(bits >> 52) & 0x7ff;
        long mantissa = bits & ((1L << 52) - 1);
        (mantissa, exponent) = exponent == 0 ? (mantissa, -1074) : (mantissa | (1L << 52), exponent - 1075);

        // m · 2^-k = m · 5^k · 10^-k
        BigInteger scaled = exponent >= 0 ? new BigInteger(mantissa) << exponent : mantissa * BigInteger.Pow(5, -exponent);
        string digits = scaled.ToString(CultureInfo.InvariantCulture);
        return new ExactDecimal(digits.TrimEnd('0'), digits.Length + Math.Min(exponent, 0));
    }

    /// <summary>Rounds half to even so that at most this many digits remain.</summary>
    public ExactDecimal Round(int digitCount)
    {
        if (digitCount >= Digits.Length)
        {
            return this;
        }
        if (digitCount < 0)
        {
            return Zero;
        }
        string kept = Digits[..digitCount];
        ReadOnlySpan<char> rest = Digits.AsSpan(digitCount);
        bool tie = rest is "5"; // digits never end in a zero
        bool up = tie ? digitCount > 0 && (kept[^1] - '0') % 2 == 1 : rest[0] >= '5';
        return up ? Increment(kept) : Trimmed(kept, Exponent);
    }

    private static ExactDecimal Trimmed(string digits, int exponent)
    {
        string trimmed = digits.TrimEnd('0');
        return trimmed.Length == 0 ? Zero : new ExactDecimal(trimmed, exponent);
    }

    private ExactDecimal Increment(string kept)
    {
        string head = kept.TrimEnd('9');
        return head.Length == 0
            ? new ExactDecimal("1", Exponent + 1)
            : new ExactDecimal(head[..^1] + (char)(head[^1] + 1), Exponent);
    }
}
