using System.Globalization;
using System.Numerics;
using System.Text;
using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Formatting;

/// <summary>Writes values as Python's <c>str</c> and <c>repr</c> do.</summary>
internal sealed class Printer(RenderState state)
{
    private const int IntegerDigits = 4300; // Python refuses to print longer ones

    private readonly StringBuilder _text = new();

    public static string Str(RenderState state, Value value) => value.Kind switch
    {
        ValueKind.String => value.AsString,
        ValueKind.Integer => value.AsInteger.ToString(CultureInfo.InvariantCulture),
        ValueKind.Undefined => string.Empty,
        _ => Repr(state, value),
    };

    public static string Repr(RenderState state, Value value)
    {
        var printer = new Printer(state);
        printer.Represent(value);
        return printer._text.ToString();
    }

    /// <summary>Python's <c>ascii</c>: a repr with every character beyond ASCII escaped.</summary>
    public static string Ascii(RenderState state, Value value)
    {
        string text = Repr(state, value);
        if (System.Text.Ascii.IsValid(text))
        {
            return text;
        }
        var printer = new Printer(state);
        for (int i = 0; i < text.Length; i += CodePoints.LengthAt(text, i))
        {
            int code = CodePoints.At(text, i);
            printer.Append(code < 0x80 ? ((char)code).ToString() : Escape(code));
        }
        return printer._text.ToString();
    }

    public static string Integer(RenderState state, BigInteger number)
    {
        long bits = (long)number.GetBitLength();
        state.Budget.Step(bits / 8);
        if (bits > IntegerDigits * 4)
        {
            throw new TemplateException($"Exceeds the limit ({IntegerDigits} digits) for integer string conversion");
        }
        string text = number.ToString(CultureInfo.InvariantCulture);
        return text.Length - (number.Sign < 0 ? 1 : 0) > IntegerDigits
            ? throw new TemplateException($"Exceeds the limit ({IntegerDigits} digits) for integer string conversion")
            : text;
    }

    public void Append(string text)
    {
        state.Budget.Allocate(text.Length);
        _text.Append(text);
    }

    public void Represent(Value value)
    {
        state.Budget.Step();
        switch (value.Kind)
        {
            case ValueKind.None:
                Append("None");
                break;
            case ValueKind.Boolean:
                Append(value.AsBoolean ? "True" : "False");
                break;
            case ValueKind.Integer:
                Append(value.AsInteger.ToString(CultureInfo.InvariantCulture));
                break;
            case ValueKind.BigInteger:
                Append(Integer(state, value.AsBigInteger));
                break;
            case ValueKind.Float:
                Append(FloatFormat.Repr(value.AsFloat));
                break;
            case ValueKind.String:
                Append(value.IsMarkup ? $"Markup({Quote(value.AsString)})" : Quote(value.AsString));
                break;
            default:
                Budget.EnsureStack();
                value.AsObject.Represent(this);
                break;
        }
    }

    /// <summary>A string literal that Python would read back.</summary>
    private string Quote(string text)
    {
        state.Budget.Visit(text.Length);
        char quote = text.Contains('\'') && !text.Contains('"') ? '"' : '\'';
        var result = new StringBuilder(text.Length + 2).Append(quote);
        for (int i = 0; i < text.Length; i += CodePoints.LengthAt(text, i))
        {
            int code = CodePoints.At(text, i);
            if (code == quote || code == '\\')
            {
                result.Append('\\').Append((char)code);
            }
            else if (Characters.IsPrintable(code))
            {
                result.Append(text, i, CodePoints.LengthAt(text, i));
            }
            else
            {
                result.Append(Escape(code));
            }
        }
        return result.Append(quote).ToString();
    }

    private static string Escape(int code) => code switch
    {
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        < 0x100 => $"\\x{code:x2}",
        < 0x10000 => $"\\u{code:x4}",
        _ => $"\\U{code:x8}",
    };
}
