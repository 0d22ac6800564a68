using System.Globalization;
using System.Numerics;
using System.Text;

namespace KServePaged.Engine.ChatTemplates.Jinja.Formatting;

/// <summary>Digits of integers in other bases, and groups of digits.</summary>
internal static class IntegerFormat
{
    /// <param name="absolute">Not negative.</param>
    /// <param name="radix">2, 8 or 16.</param>
    public static string InBase(RenderState state, BigInteger absolute, int radix)
    {
        state.Budget.Allocate((long)absolute.GetBitLength() * 2);
        string digits = absolute.ToString(radix == 16 ? "x" : "b", CultureInfo.InvariantCulture).TrimStart('0');
        if (radix == 8)
        {
            string bits = digits.PadLeft((digits.Length + 2) / 3 * 3, '0');
            digits = string.Create(bits.Length / 3, bits, static (octal, source) =>
            {
                for (int i = 0; i < octal.Length; i++)
                {
                    octal[i] = (char)('0' + ((source[i * 3] - '0') * 4) + ((source[(i * 3) + 1] - '0') * 2) + (source[(i * 3) + 2] - '0'));
                }
            });
        }
        return digits.Length == 0 ? "0" : digits;
    }

    /// <summary>Puts a separator between groups, after zeros in front up to a length.</summary>
    public static string Group(string digits, char separator, int size, int minimumLength)
    {
        // A group and its separator fill size + 1 places; a separator never comes first.
        int padded = digits.Length;
        while (padded + ((padded - 1) / size) < minimumLength)
        {
            padded++;
        }
        digits = digits.PadLeft(padded, '0');
        var grouped = new StringBuilder(padded + (padded / size));
        for (int i = 0; i < digits.Length; i++)
        {
            if (i > 0 && (digits.Length - i) % size == 0)
            {
                grouped.Append(separator);
            }
            grouped.Append(digits[i]);
        }
        return grouped.ToString();
    }
}
