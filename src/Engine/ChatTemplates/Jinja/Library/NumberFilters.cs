using System.Numerics;
using KServePaged.Engine.ChatTemplates.Jinja.Formatting;
using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Library;

internal static class NumberFilters
{
    public static Value Abs(RenderState state, Value value, Arguments arguments)
    {
        new ArgumentReader("abs", arguments).End();
        if (value.IsUndefined)
        {
            throw ((UndefinedValue)value.AsObject).Error();
        }
        if (!value.IsNumber)
        {
            throw new TemplateException($"bad operand type for abs(): '{Operations.TypeName(value)}'");
        }
        return value.Kind == ValueKind.Float ? Value.Of(Math.Abs(value.AsFloat)) : Value.Of(BigInteger.Abs(value.AsBigInteger));
    }

    public static Value Int(RenderState state, Value value, Arguments arguments)
    {
        var reader = new ArgumentReader("int", arguments);
        Value fallback = reader.Optional("default", Value.Of(0L));
        long radix = Numbers.Index(reader.Optional("base", Value.Of(10L)));
        reader.End();
        if (value.IsUndefined)
        {
            throw ((UndefinedValue)value.AsObject).Error();
        }
        if (value.IsIntegral)
        {
            return Arithmetic.Plus(value);
        }
        if (value.IsString)
        {
            state.Budget.Visit(value.AsString.Length);
            state.Budget.Multiply(value.AsString.Length * 4L, Math.Min(value.AsString.Length, NumberParser.MaxDigits) * 4L);
            if (NumberParser.TryInteger(value.AsString, (int)Math.Clamp(radix, -1, 99), out BigInteger parsed))
            {
                return Value.Of(parsed);
            }
        }
        double? number = value.Kind == ValueKind.Float ? value.AsFloat : value.IsString ? NumberParser.TryFloat(value.AsString) : null;
        return number is double found && double.IsFinite(found) ? Numbers.Truncate(found) : fallback;
    }

    public static Value Float(RenderState state, Value value, Arguments arguments)
    {
        var reader = new ArgumentReader("float", arguments);
        Value fallback = reader.Optional("default", Value.Of(0.0));
        reader.End();
        if (value.IsUndefined)
        {
            throw ((UndefinedValue)value.AsObject).Error();
        }
        if (value.IsNumber)
        {
            return Value.Of(Numbers.ToFloat(value));
        }
        state.Budget.Visit(value.IsString ? value.AsString.Length : 0);
        return value.IsString && NumberParser.TryFloat(value.AsString) is double number ? Value.Of(number) : fallback;
    }

    public static Value Round(RenderState state, Value value, Arguments arguments)
    {
        var reader = new ArgumentReader("round", arguments);
        Value precisionValue = reader.Optional("precision", Value.Of(0L));
        string method = StringMethods.Text(reader.Optional("method", Value.Of("common")), "round");
        reader.End();
        if (method is not ("common" or "ceil" or "floor"))
        {
            throw new TemplateException("method must be common, ceil or floor");
        }
        if (value.IsUndefined || !value.IsNumber)
        {
            throw value.IsUndefined
                ? ((UndefinedValue)value.AsObject).Error()
                : new TemplateException($"type {Operations.TypeName(value)} doesn't define __round__ method");
        }
        int precision = (int)Math.Clamp(Numbers.Index(precisionValue), -5000, 5000);
        if (method != "common")
        {
            Value scale = Arithmetic.Power(state, Value.Of(10L), Value.Of((long)precision));
            double scaled = Numbers.ToFloat(Arithmetic.Multiply(state, value, scale));
            Value whole = Numbers.Truncate(method == "ceil" ? Math.Ceiling(scaled) : Math.Floor(scaled));
            return Arithmetic.Divide(state, whole, scale);
        }
        state.Budget.Step(value.Kind == ValueKind.Float ? FloatFormat.Cost(value.AsFloat) : 1);
        return value.Kind == ValueKind.Float
            ? Value.Of(FloatFormat.Round(value.AsFloat, precision))
            : Value.Of(RoundInteger(value.AsBigInteger, precision));
    }

    public static Value FileSize(RenderState state, Value value, Arguments arguments)
    {
        var reader = new ArgumentReader("filesizeformat", arguments);
        bool binary = Operations.Truth(state, reader.Optional("binary", Value.False));
        reader.End();
        double bytes = Numbers.ToFloat(Float(state, value, new Arguments([Value.Of(double.NaN)], [])));
        if (double.IsNaN(bytes))
        {
            throw new TemplateException("filesizeformat needs a number");
        }
        double unit = binary ? 1024 : 1000;
        if (bytes == 1)
        {
            return Value.Of("1 Byte");
        }
        if (bytes < unit)
        {
            return Value.Of($"{Printer.Str(state, Numbers.Truncate(bytes))} Bytes");
        }
        string[] prefixes = ["k", "M", "G", "T", "P", "E", "Z", "Y"];
        int index = 0;
        double size = unit * unit;
        for (; index < prefixes.Length - 1 && bytes >= size; index++)
        {
            size *= unit;
        }
        string number = FloatFormat.Fixed(unit * bytes / size, 1);
        return Value.Of($"{number} {(binary ? prefixes[index].ToUpperInvariant() + "iB" : prefixes[index] + "B")}");
    }

    /// <summary>Half to even, at a power of ten.</summary>
    private static BigInteger RoundInteger(BigInteger number, int precision)
    {
        if (precision >= 0)
        {
            return number;
        }
        if (-precision * 3 > BigInteger.Abs(number).GetBitLength() + 3)
        {
            return BigInteger.Zero;
        }
        BigInteger unit = BigInteger.Pow(10, -precision);
        (BigInteger quotient, BigInteger remainder) = IntegerDivision.Floor(number, unit);
        int half = (remainder * 2).CompareTo(unit);
        return (half > 0 || (half == 0 && !quotient.IsEven) ? quotient + 1 : quotient) * unit;
    }
}
