using System.Globalization;
using System.Numerics;

namespace KServePaged.Engine.ChatTemplates.Jinja.Values;

/// <summary>Conversions and order of Python's numbers.</summary>
internal static class Numbers
{
    private const long ExactIntegers = 1L << 53; // a float holds every integer up to here

    /// <returns>Negative, zero or positive by exact value; null where a NaN takes part.</returns>
    public static int? Compare(Value left, Value right)
    {
        if (left.Kind == ValueKind.Float || right.Kind == ValueKind.Float)
        {
            return CompareFloats(left, right);
        }
        return left.Kind == ValueKind.BigInteger || right.Kind == ValueKind.BigInteger
            ? left.AsBigInteger.CompareTo(right.AsBigInteger)
            : left.AsInteger.CompareTo(right.AsInteger);
    }

    /// <summary>Python's <c>float(x)</c> of a number.</summary>
    public static double ToFloat(Value number)
    {
        switch (number.Kind)
        {
            case ValueKind.Float:
                return number.AsFloat;
            case ValueKind.BigInteger:
                if (number.AsBigInteger.GetBitLength() > 1025)
                {
                    throw new TemplateException("int too large to convert to float");
                }
                // The conversion operator truncates; parsing rounds to nearest.
                double result = double.Parse(number.AsBigInteger.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
                return double.IsInfinity(result) ? throw new TemplateException("int too large to convert to float") : result;
            default:
                return number.AsInteger;
        }
    }

    /// <summary>Python's <c>int(x)</c> of a float: the fraction is cut off.</summary>
    public static Value Truncate(double number)
    {
        if (double.IsNaN(number))
        {
            throw new TemplateException("cannot convert float NaN to integer");
        }
        if (double.IsInfinity(number))
        {
            throw new TemplateException("cannot convert float infinity to integer");
        }
        return Math.Abs(number) < long.MaxValue ? Value.Of((long)number) : Value.Of(new BigInteger(number));
    }

    /// <summary>An argument that must be an int of ordinary size.</summary>
    public static long Index(Value value)
    {
        if (value.IsUndefined)
        {
            throw ((UndefinedValue)value.AsObject).Error();
        }
        return value.Kind switch
        {
            ValueKind.Boolean or ValueKind.Integer => value.AsInteger,
            ValueKind.BigInteger => throw new TemplateException("Python int too large to convert to C ssize_t"),
            _ => throw new TemplateException($"'{Operations.TypeName(value)}' object cannot be interpreted as an integer"),
        };
    }

    private static int? CompareFloats(Value left, Value right)
    {
        if (left.Kind == ValueKind.Float && right.Kind == ValueKind.Float)
        {
            return Order(left.AsFloat, right.AsFloat);
        }
        bool leftIsFloat = left.Kind == ValueKind.Float;
        double number = leftIsFloat ? left.AsFloat : right.AsFloat;
        Value integer = leftIsFloat ? right : left;
        int? order;
        if (integer.Kind != ValueKind.BigInteger && integer.AsInteger is >= -ExactIntegers and <= ExactIntegers)
        {
            order = Order(number, integer.AsInteger);
        }
        else if (!double.IsFinite(number))
        {
            order = double.IsNaN(number) ? null : Math.Sign(number);
        }
        else
        {
            // Both sides exactly: the whole part decides, and only where it is equal the fraction.
            int whole = new BigInteger(Math.Floor(number)).CompareTo(integer.AsBigInteger);
            order = whole != 0 ? whole : number > Math.Floor(number) ? 1 : 0;
        }
        return leftIsFloat ? order : -order;
    }

    private static int? Order(double left, double right) =>
        double.IsNaN(left) || double.IsNaN(right) ? null : left.CompareTo(right);
}
