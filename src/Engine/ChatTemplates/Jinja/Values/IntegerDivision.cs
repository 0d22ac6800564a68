using System.Numerics;

namespace KServePaged.Engine.ChatTemplates.Jinja.Values;

/// <summary>Division of Python's ints.</summary>
internal static class IntegerDivision
{
    private static readonly BigInteger ExactFloats = BigInteger.One << 53;

    /// <summary>Rounds towards minus infinity; the remainder has the sign of the divisor.</summary>
    public static (BigInteger Quotient, BigInteger Remainder) Floor(BigInteger left, BigInteger right)
    {
        if (right.IsZero)
        {
            throw new TemplateException("integer division or modulo by zero");
        }
        BigInteger quotient = BigInteger.DivRem(left, right, out BigInteger remainder);
        return remainder.Sign != 0 && remainder.Sign != right.Sign ? (quotient - 1, remainder + right) : (quotient, remainder);
    }

    /// <summary>The float nearest to the exact quotient.</summary>
    public static double TrueQuotient(BigInteger left, BigInteger right)
    {
        if (right.IsZero)
        {
            throw new TemplateException("division by zero");
        }
        BigInteger a = BigInteger.Abs(left);
        BigInteger b = BigInteger.Abs(right);
        if (a <= ExactFloats && b <= ExactFloats)
        {
            return (double)left / (double)right;
        }
        // 66 bits of quotient and a sticky bit round correctly, as long as the result is no subnormal.
        int shift = 66 - (int)(a.GetBitLength() - b.GetBitLength());
        BigInteger quotient = BigInteger.DivRem(shift > 0 ? a << shift : a, shift < 0 ? b << -shift : b, out BigInteger rest);
        ulong top = RoundToEven(quotient, !rest.IsZero, out int dropped);
        double result = Math.ScaleB(top, dropped - shift);
        if (double.IsInfinity(result))
        {
            throw new TemplateException("integer division result too large for a float");
        }
        return left.Sign < 0 != right.Sign < 0 ? -result : result; // 0 / -1 is -0.0
    }

    private static ulong RoundToEven(BigInteger quotient, bool sticky, out int dropped)
    {
        dropped = (int)quotient.GetBitLength() - 53;
        BigInteger kept = quotient >> dropped;
        BigInteger rest = quotient - (kept << dropped);
        BigInteger half = BigInteger.One << (dropped - 1);
        bool up = rest > half || (rest == half && (sticky || !kept.IsEven));
        return (ulong)(up ? kept + 1 : kept);
    }
}
