using System.Globalization;
using System.Numerics;
using System.Text;
using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Formatting;

/// <summary>Python's <c>text % arguments</c>.</summary>
internal sealed class PercentFormat
{
    private readonly RenderState _state;
    private readonly string _format;
    private readonly Value _arguments;
    private readonly bool _escapes;
    private readonly StringBuilder _result = new();
    private int _at;
    private int _next;

    private PercentFormat(RenderState state, Value format, Value arguments)
    {
        _state = state;
        _format = format.AsString;
        _arguments = arguments;
        _escapes = format.IsMarkup;
    }

    public static Value Apply(RenderState state, Value format, Value arguments)
    {
        var run = new PercentFormat(state, format, arguments);
        run.Run();
        return Value.Text(run._result.ToString(), format.IsMarkup);
    }

    /// <summary>What Python takes for a mapping here, and then lets go unused.</summary>
    private bool IsMapping => _arguments.Kind is ValueKind.Dict or ValueKind.List or ValueKind.Range or ValueKind.Undefined;

    private void Run()
    {
        while (_at < _format.Length)
        {
            int percent = _format.IndexOf('%', _at);
            int end = percent < 0 ? _format.Length : percent;
            Append(_format[_at..end]);
            _at = end + 1;
            if (percent >= 0 && _at < _format.Length && _format[_at] == '%')
            {
                Append("%");
                _at++;
            }
            else if (percent >= 0)
            {
                Convert();
            }
        }
        int given = _arguments.Kind == ValueKind.Tuple ? _arguments.AsTuple.Count : 1;
        if (_next < given && !IsMapping)
        {
            throw new TemplateException("not all arguments converted during string formatting");
        }
    }

    private void Convert()
    {
        _state.Budget.Step();
        Value? keyed = ReadKey();
        string flags = ReadWhile("#0- +");
        int width = ReadNumber();
        int precision = -1;
        if (_at < _format.Length && _format[_at] == '.')
        {
            _at++;
            precision = Math.Max(0, ReadNumber());
        }
        ReadWhile("hlL");
        char type = _at < _format.Length ? _format[_at++] : throw new TemplateException("incomplete format");
        if (width < 0)
        {
            (flags, width) = (flags + "-", width == int.MinValue ? throw new TemplateException("width too big") : -width);
        }
        _state.Budget.Allocate((long)width + Math.Max(0, precision));
        Value value = keyed ?? NextArgument();
        (string sign, string body) = Spell(type, value, flags, precision);
        Append(Pad(sign, body, flags, width, type));
    }

    private (string Sign, string Body) Spell(char type, Value value, string flags, int precision)
    {
        switch (type)
        {
            case 's':
                return (string.Empty, Cut(_escapes ? Html.Escaped(_state, value) : Printer.Str(_state, value), precision));
            case 'r':
            case 'a':
                string text = type == 'r' ? Printer.Repr(_state, value) : Printer.Ascii(_state, value);
                return (string.Empty, Cut(_escapes ? Html.Escape(_state, text) : text, precision));
            case 'c':
                return (string.Empty, Character(value));
            case 'd' or 'i' or 'u' or 'x' or 'X' or 'o':
                return Integer(type, value, flags, precision);
            case 'e' or 'E' or 'f' or 'F' or 'g' or 'G':
                return Float(type, value, flags, precision < 0 ? 6 : precision);
            default:
                throw new TemplateException($"unsupported format character '{type}' (0x{(int)type:x}) at index {_at - 1}");
        }
    }

    private (string Sign, string Body) Integer(char type, Value value, string flags, int precision)
    {
        if (value.IsUndefined)
        {
            throw ((UndefinedValue)value.AsObject).Error();
        }
        bool isDecimal = type is 'd' or 'i' or 'u';
        Value whole = value.Kind == ValueKind.Float && isDecimal ? Numbers.Truncate(value.AsFloat) : value;
        if (!whole.IsIntegral)
        {
            throw new TemplateException($"%{type} format: {(isDecimal ? "a real number" : "an integer")} is required, not {Operations.TypeName(value)}");
        }
        BigInteger number = whole.AsBigInteger;
        BigInteger absolute = BigInteger.Abs(number);
        string digits = isDecimal ? Printer.Integer(_state, absolute) : IntegerFormat.InBase(_state, absolute, type == 'o' ? 8 : 16);
        digits = digits.PadLeft(Math.Max(0, precision), '0');
        string prefix = flags.Contains('#') && !isDecimal ? "0" + type : string.Empty;
        return (Sign(number.Sign < 0, flags) + prefix, type == 'X' ? digits.ToUpperInvariant() : digits);
    }

    private (string Sign, string Body) Float(char type, Value value, string flags, int precision)
    {
        if (value.IsUndefined)
        {
            throw ((UndefinedValue)value.AsObject).Error();
        }
        double number = value.IsNumber
            ? Numbers.ToFloat(value)
            : throw new TemplateException($"must be real number, not {Operations.TypeName(value)}");
        _state.Budget.Step(FloatFormat.Cost(number));
        bool alternate = flags.Contains('#');
        char symbol = char.IsUpper(type) ? 'E' : 'e';
        double absolute = Math.Abs(number);
        string body = !double.IsFinite(number) ? (double.IsNaN(number) ? "nan" : "inf") : char.ToLowerInvariant(type) switch
        {
            'f' => FloatFormat.Fixed(absolute, precision, alternate),
            'e' => FloatFormat.Scientific(absolute, precision, symbol, alternate),
            _ => FloatFormat.General(absolute, precision, symbol, alternate),
        };
        return (Sign(double.IsNegative(number) && !double.IsNaN(number), flags), char.IsUpper(type) ? body.ToUpperInvariant() : body);
    }

    private static string Character(Value value)
    {
        if (value.IsIntegral)
        {
            BigInteger code = value.AsBigInteger;
            return code >= 0 && code <= 0x10ffff ? CodePoints.From((int)code) : throw new TemplateException("%c arg not in range(0x110000)");
        }
        return value.IsString && value.AsString.Length > 0 && value.AsString.Length == CodePoints.LengthAt(value.AsString, 0)
            ? value.AsString
            : throw new TemplateException("%c requires int or char");
    }

    private static string Sign(bool negative, string flags) =>
        negative ? "-" : flags.Contains('+') ? "+" : flags.Contains(' ') ? " " : string.Empty;

    private string Cut(string text, int precision) => precision < 0 ? text : text[..CodePoints.Offset(_state, text, precision)];

    private string Pad(string sign, string body, string flags, int width, char type)
    {
        int missing = width - sign.Length - CodePoints.Count(_state, body);
        if (missing <= 0)
        {
            return sign + body;
        }
        if (flags.Contains('-'))
        {
            return sign + body + new string(' ', missing);
        }
        bool zeros = flags.Contains('0') && type is not ('s' or 'r' or 'a' or 'c');
        return zeros ? sign + new string('0', missing) + body : new string(' ', missing) + sign + body;
    }

    /// <summary>The value of <c>%(key)…</c>, or null where no key is given.</summary>
    private Value? ReadKey()
    {
        if (_at >= _format.Length || _format[_at] != '(')
        {
            return null;
        }
        int depth = 1;
        int start = ++_at;
        for (; depth > 0; _at++)
        {
            depth += _at >= _format.Length ? throw new TemplateException("incomplete format key") : _format[_at] switch { '(' => 1, ')' => -1, _ => 0 };
        }
        string key = _format[start..(_at - 1)];
        if (_arguments.Kind != ValueKind.Dict)
        {
            throw new TemplateException("format requires a mapping");
        }
        return _arguments.AsDict.TryGet(_state, key, out Value value) ? value : throw new TemplateException($"KeyError: '{key}'");
    }

    private string ReadWhile(string allowed)
    {
        int start = _at;
        while (_at < _format.Length && allowed.Contains(_format[_at]))
        {
            _at++;
        }
        return _format[start.._at];
    }

    private int ReadNumber()
    {
        if (_at < _format.Length && _format[_at] == '*')
        {
            _at++;
            Value given = NextArgument();
            return given.Kind is ValueKind.Integer or ValueKind.Boolean && given.AsInteger is > -int.MaxValue and < int.MaxValue
                ? (int)given.AsInteger
                : throw new TemplateException("* wants int");
        }
        string digits = ReadWhile("0123456789");
        return digits.Length == 0
            ? 0
            : int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : throw new TemplateException("width too big");
    }

    private Value NextArgument()
    {
        int index = _next++;
        if (_arguments.Kind == ValueKind.Tuple)
        {
            return index < _arguments.AsTuple.Count ? _arguments.AsTuple[index] : throw new TemplateException("not enough arguments for format string");
        }
        return index == 0 ? _arguments : throw new TemplateException("not enough arguments for format string");
    }

    private void Append(string text)
    {
        _state.Budget.Allocate(text.Length);
        _result.Append(text);
    }
}
