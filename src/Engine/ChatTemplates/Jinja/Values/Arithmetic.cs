using System.Numerics;
using KServePaged.Engine.ChatTemplates.Jinja.Formatting;

namespace KServePaged.Engine.ChatTemplates.Jinja.Values;

/// <summary>Python's operators <c>+ - * / // % **</c> over all types that have them.</summary>
internal static class Arithmetic
{
    public static Value Add(RenderState state, Value left, Value right)
    {
        if (left.Kind == ValueKind.Integer && right.Kind == ValueKind.Integer)
        {
            long sum = unchecked(left.AsInteger + right.AsInteger);
            bool overflows = ((left.AsInteger ^ sum) & (right.AsInteger ^ sum)) < 0;
            return overflows ? Value.Of(left.AsBigInteger + right.AsBigInteger) : Value.Of(sum);
        }
        if (left.IsString && right.IsString)
        {
            return Concatenate(state, left, right);
        }
        if (left.IsNumber && right.IsNumber)
        {
            return IsFloat(left, right)
                ? Value.Of(Numbers.ToFloat(left) + Numbers.ToFloat(right))
                : Checked(state, left.AsBigInteger + right.AsBigInteger);
        }
        if (left.Kind == right.Kind && left.Kind is ValueKind.List or ValueKind.Tuple)
        {
            return Join(state, (SequenceValue)left.AsObject, (SequenceValue)right.AsObject);
        }
        RefuseUndefined(left, right);
        throw left.Kind switch
        {
            ValueKind.String => new TemplateException($"can only concatenate str (not \"{Operations.TypeName(right)}\") to str"),
            ValueKind.List => new TemplateException($"can only concatenate list (not \"{Operations.TypeName(right)}\") to list"),
            ValueKind.Tuple => new TemplateException($"can only concatenate tuple (not \"{Operations.TypeName(right)}\") to tuple"),
            _ => Unsupported("+", left, right),
        };
    }

    public static Value Subtract(RenderState state, Value left, Value right)
    {
        RequireNumbers("-", left, right);
        return IsFloat(left, right)
            ? Value.Of(Numbers.ToFloat(left) - Numbers.ToFloat(right))
            : Checked(state, left.AsBigInteger - right.AsBigInteger);
    }

    public static Value Multiply(RenderState state, Value left, Value right)
    {
        if (left.IsNumber && right.IsNumber)
        {
            return IsFloat(left, right) ? Value.Of(Numbers.ToFloat(left) * Numbers.ToFloat(right)) : MultiplyIntegers(state, left, right);
        }
        RefuseUndefined(left, right);
        if (IsRepeatable(left) && right.IsIntegral)
        {
            return Repeat(state, left, right);
        }
        return IsRepeatable(right) && left.IsIntegral ? Repeat(state, right, left) : throw Unsupported("*", left, right);
    }

    public static Value Divide(RenderState state, Value left, Value right)
    {
        RequireNumbers("/", left, right);
        if (!IsFloat(left, right))
        {
            PayForProduct(state, left, right);
            return Value.Of(IntegerDivision.TrueQuotient(left.AsBigInteger, right.AsBigInteger));
        }
        double divisor = Numbers.ToFloat(right);
        return divisor == 0 ? throw new TemplateException("float division by zero") : Value.Of(Numbers.ToFloat(left) / divisor);
    }

    public static Value FloorDivide(RenderState state, Value left, Value right)
    {
        RequireNumbers("//", left, right);
        PayForProduct(state, left, right);
        return IsFloat(left, right)
            ? Value.Of(FloatDivision(Numbers.ToFloat(left), Numbers.ToFloat(right)).Quotient)
            : Value.Of(IntegerDivision.Floor(left.AsBigInteger, right.AsBigInteger).Quotient);
    }

    public static Value Modulo(RenderState state, Value left, Value right)
    {
        if (left.IsString)
        {
            return PercentFormat.Apply(state, left, right);
        }
        RequireNumbers("%", left, right);
        PayForProduct(state, left, right);
        return IsFloat(left, right)
            ? Value.Of(FloatDivision(Numbers.ToFloat(left), Numbers.ToFloat(right)).Remainder)
            : Value.Of(IntegerDivision.Floor(left.AsBigInteger, right.AsBigInteger).Remainder);
    }

    public static Value Power(RenderState state, Value left, Value right)
    {
        RequireNumbers("** or pow()", left, right);
        if (IsFloat(left, right) || right.AsBigInteger.Sign < 0)
        {
            return Value.Of(FloatPower(Numbers.ToFloat(left), Numbers.ToFloat(right)));
        }
        BigInteger number = left.AsBigInteger;
        if (number.IsZero || number.IsOne || number == BigInteger.MinusOne)
        {
            return Value.Of(right.AsBigInteger.IsZero || (number == BigInteger.MinusOne && right.AsBigInteger.IsEven) ? BigInteger.One : number);
        }
        BigInteger bits = right.AsBigInteger * (long)BigInteger.Abs(number).GetBitLength();
        CheckBits(state, bits > long.MaxValue ? long.MaxValue : (long)bits);
        state.Budget.Multiply((long)bits, (long)bits);
        return Checked(state, BigInteger.Pow(number, (int)right.AsBigInteger));
    }

    public static Value Negate(Value value)
    {
        RequireNumber("-", value);
        return value.Kind == ValueKind.Float ? Value.Of(-value.AsFloat) : Value.Of(-value.AsBigInteger);
    }

    public static Value Plus(Value value)
    {
        RequireNumber("+", value);
        return value.Kind == ValueKind.Boolean ? Value.Of(value.AsInteger) : value;
    }

    private static Value MultiplyIntegers(RenderState state, Value left, Value right)
    {
        if (left.Kind != ValueKind.BigInteger && right.Kind != ValueKind.BigInteger)
        {
            long high = Math.BigMul(left.AsInteger, right.AsInteger, out long low);
            return (high == 0 && low >= 0) || (high == -1 && low < 0) ? Value.Of(low) : Value.Of(left.AsBigInteger * right.AsBigInteger);
        }
        PayForProduct(state, left, right);
        return Checked(state, left.AsBigInteger * right.AsBigInteger);
    }

    private static void PayForProduct(RenderState state, Value left, Value right)
    {
        if (left.Kind == ValueKind.BigInteger || right.Kind == ValueKind.BigInteger)
        {
            state.Budget.Multiply(Bits(left), Bits(right));
        }
    }

    private static long Bits(Value number) => number.Kind == ValueKind.BigInteger ? (long)number.AsBigInteger.GetBitLength() : 64;

    /// <summary>Text after text; once one is markup the other is escaped.</summary>
    private static Value Concatenate(RenderState state, Value left, Value right)
    {
        bool markup = left.IsMarkup || right.IsMarkup;
        string first = markup ? Html.Escaped(state, left) : left.AsString;
        string second = markup ? Html.Escaped(state, right) : right.AsString;
        state.Budget.Allocate((long)first.Length + second.Length);
        return Value.Text(string.Concat(first, second), markup);
    }

    private static Value Join(RenderState state, SequenceValue left, SequenceValue right)
    {
        state.Budget.AllocateItems((long)left.Count + right.Count);
        Value[] items = [.. left.ToArray(), .. right.ToArray()];
        return left.Kind == ValueKind.List ? Value.Of(new ListValue([.. items])) : Value.Of(new TupleValue(items));
    }

    private static bool IsRepeatable(Value value) => value.Kind is ValueKind.String or ValueKind.List or ValueKind.Tuple;

    private static Value Repeat(RenderState state, Value value, Value times)
    {
        BigInteger wanted = BigInteger.Max(0, times.AsBigInteger);
        long size = value.IsString ? value.AsString.Length : ((SequenceValue)value.AsObject).Count;
        if (size == 0)
        {
            wanted = 0;
        }
        BigInteger total = wanted * size * (value.IsString ? 1 : 8);
        state.Budget.Allocate(total > long.MaxValue ? long.MaxValue : (long)total);
        int count = (int)wanted;
        if (value.IsString)
        {
            return Value.Text(string.Concat(Enumerable.Repeat(value.AsString, count)), value.IsMarkup);
        }
        var items = new List<Value>(count * (int)size);
        for (int i = 0; i < count; i++)
        {
            items.AddRange(((SequenceValue)value.AsObject).ToArray());
        }
        return value.Kind == ValueKind.List ? Value.Of(new ListValue(items)) : Value.Of(new TupleValue([.. items]));
    }

    private static (double Quotient, double Remainder) FloatDivision(double left, double right)
    {
        if (right == 0)
        {
            throw new TemplateException("float floor division by zero");
        }
        double remainder = left % right;
        double quotient = (left - remainder) / right;
        if (remainder != 0 && right < 0 != remainder < 0)
        {
            remainder += right;
            quotient -= 1;
        }
        else if (remainder == 0)
        {
            remainder = Math.CopySign(0, right);
        }
        if (quotient == 0)
        {
            return (Math.CopySign(0, left / right), remainder);
        }
        double floor = Math.Floor(quotient);
        return (quotient - floor > 0.5 ? floor + 1 : floor, remainder);
    }

    private static double FloatPower(double left, double right)
    {
        if (left == 0 && right < 0)
        {
            throw new TemplateException("0.0 cannot be raised to a negative power");
        }
        double result = Math.Pow(left, right);
        if (double.IsNaN(result) && !double.IsNaN(left) && !double.IsNaN(right))
        {
            throw new TemplateException("a power that is a complex number is not supported");
        }
        return double.IsInfinity(result) && double.IsFinite(left) && double.IsFinite(right)
            ? throw new TemplateException("(34, 'Numerical result out of range')")
            : result;
    }

    private static bool IsFloat(Value left, Value right) => left.Kind == ValueKind.Float || right.Kind == ValueKind.Float;

    private static Value Checked(RenderState state, BigInteger number)
    {
        CheckBits(state, number.GetBitLength());
        return Value.Of(number);
    }

    private static void CheckBits(RenderState state, long bits)
    {
        if (bits > state.Budget.Limits.IntegerBits)
        {
            throw new TemplateException($"the chat template makes an integer of more than {state.Budget.Limits.IntegerBits} bits");
        }
        state.Budget.Step(bits / 1024);
    }

    private static void RequireNumber(string symbol, Value value)
    {
        RefuseUndefined(value, value);
        if (!value.IsNumber)
        {
            throw new TemplateException($"bad operand type for unary {symbol}: '{Operations.TypeName(value)}'");
        }
    }

    private static void RequireNumbers(string symbol, Value left, Value right)
    {
        if (!left.IsNumber || !right.IsNumber)
        {
            RefuseUndefined(left, right);
            throw Unsupported(symbol, left, right);
        }
    }

    private static void RefuseUndefined(Value left, Value right)
    {
        if (left.IsUndefined || right.IsUndefined)
        {
            throw ((UndefinedValue)(left.IsUndefined ? left : right).AsObject).Error();
        }
    }

    private static TemplateException Unsupported(string symbol, Value left, Value right) =>
        new($"unsupported operand type(s) for {symbol}: '{Operations.TypeName(left)}' and '{Operations.TypeName(right)}'");
}
