using System.Globalization;
using System.Numerics;
using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Formatting;

/// <summary>Python's format mini-language: <c>[[fill]align][sign][z][#][0][width][grouping][.precision][type]</c>.</summary>
internal sealed class FormatSpec
{
    private string _fill = " ";
    private char _align;
    private char _sign;
    private bool _alternate;
    private int _width;
    private char _grouping;
    private int _precision = -1;
    private char _type;
    private bool _padsZeros; // for a number: between sign and digits

    private FormatSpec()
    {
    }

    /// <summary>Python's <c>format(value, spec)</c>.</summary>
    public static string Apply(RenderState state, Value value, string spec)
    {
        if (spec.Length == 0)
        {
            return Printer.Str(state, value);
        }
        if (!value.IsString && !value.IsNumber)
        {
            throw new TemplateException($"unsupported format string passed to {Operations.TypeName(value)}.__format__");
        }
        FormatSpec parsed = Parse(spec, value);
        state.Budget.Allocate((long)parsed._width + Math.Max(0, parsed._precision));
        return value.IsString ? parsed.FormatText(state, value.AsString) : parsed.FormatNumber(state, value);
    }

    private static FormatSpec Parse(string spec, Value value)
    {
        var result = new FormatSpec();
        int at = result.ParseAlignment(spec);
        at = result.ParseFlags(spec, at);
        at = ParseInteger(spec, at, ref result._width);
        if (at < spec.Length && spec[at] is ',' or '_')
        {
            result._grouping = spec[at++];
        }
        if (at < spec.Length && spec[at] == '.')
        {
            int start = ++at;
            result._precision = 0;
            at = ParseInteger(spec, at, ref result._precision);
            if (at == start)
            {
                throw new TemplateException("Format specifier missing precision");
            }
        }
        if (at < spec.Length)
        {
            result._type = spec[at++];
        }
        return at == spec.Length
            ? result
            : throw new TemplateException($"Invalid format specifier '{spec}' for object of type '{Operations.TypeName(value)}'");
    }

    private int ParseAlignment(string spec)
    {
        int first = CodePoints.LengthAt(spec, 0);
        if (first < spec.Length && IsAlign(spec[first]))
        {
            (_fill, _align) = (spec[..first], spec[first]);
            return first + 1;
        }
        if (!IsAlign(spec[0]))
        {
            return 0;
        }
        _align = spec[0];
        return 1;

        static bool IsAlign(char unit) => unit is '<' or '>' or '=' or '^';
    }

    private int ParseFlags(string spec, int at)
    {
        if (at < spec.Length && spec[at] is '+' or '-' or ' ')
        {
            _sign = spec[at++];
        }
        if (at < spec.Length && spec[at] == '#')
        {
            _alternate = true;
            at++;
        }
        if (at < spec.Length && spec[at] == '0')
        {
            _padsZeros = _align == 0;
            _fill = _padsZeros ? "0" : _fill;
            at++;
        }
        return at;
    }

    private static int ParseInteger(string spec, int at, ref int number)
    {
        int start = at;
        while (at < spec.Length && char.IsAsciiDigit(spec[at]))
        {
            at++;
        }
        if (at > start && !int.TryParse(spec.AsSpan(start, at - start), NumberStyles.None, CultureInfo.InvariantCulture, out number))
        {
            throw new TemplateException("Too many decimal digits in format string");
        }
        return at;
    }

    private string FormatText(RenderState state, string text)
    {
        if (_type is not ('\0' or 's') || _align == '=' || _sign != 0 || _alternate || _grouping != 0)
        {
            throw new TemplateException(_type is '\0' or 's'
                ? "this format specifier is not allowed with a string"
                : $"Unknown format code '{_type}' for object of type 'str'");
        }
        return Pad(state, _precision >= 0 ? text[..CodePoints.Offset(state, text, _precision)] : text, string.Empty, '<');
    }

    private string FormatNumber(RenderState state, Value value)
    {
        bool isInteger = value.Kind != ValueKind.Float && _type is '\0' or 'b' or 'c' or 'd' or 'n' or 'o' or 'x' or 'X';
        if (isInteger && value.Kind != ValueKind.Float)
        {
            return FormatInteger(state, value.AsBigInteger);
        }
        if (_type is not ('\0' or 'e' or 'E' or 'f' or 'F' or 'g' or 'G' or 'n' or '%'))
        {
            throw new TemplateException($"Unknown format code '{_type}' for object of type '{Operations.TypeName(value)}'");
        }
        double number = Numbers.ToFloat(value);
        state.Budget.Step(FloatFormat.Cost(number));
        string digits = FloatDigits(Math.Abs(number), out string suffix);
        return Assemble(state, digits, suffix, double.IsNegative(number) && !double.IsNaN(number), string.Empty, 3);
    }

    private string FormatInteger(RenderState state, BigInteger number)
    {
        if (_precision >= 0)
        {
            throw new TemplateException("Precision not allowed in integer format specifier");
        }
        if (_type == 'c')
        {
            bool isCharacter = number >= 0 && number <= 0x10ffff;
            return Pad(state, isCharacter ? CodePoints.From((int)number) : throw new TemplateException("%c arg not in range(0x110000)"), string.Empty, '>');
        }
        BigInteger absolute = BigInteger.Abs(number);
        string digits = _type switch
        {
            'x' or 'X' => IntegerFormat.InBase(state, absolute, 16),
            'o' => IntegerFormat.InBase(state, absolute, 8),
            'b' => IntegerFormat.InBase(state, absolute, 2),
            _ => Printer.Integer(state, absolute),
        };
        string prefix = _alternate && _type is 'x' or 'X' or 'o' or 'b' ? "0" + _type : string.Empty;
        return Assemble(state, _type == 'X' ? digits.ToUpperInvariant() : digits, string.Empty, number.Sign < 0, prefix, _type is '\0' or 'd' or 'n' ? 3 : 4);
    }

    private string FloatDigits(double number, out string suffix)
    {
        suffix = _type == '%' ? "%" : string.Empty;
        if (!double.IsFinite(number))
        {
            string name = double.IsNaN(number) ? "nan" : "inf";
            return char.IsUpper(_type) ? name.ToUpperInvariant() : name;
        }
        int precision = _precision < 0 ? 6 : _precision;
        char symbol = char.IsUpper(_type) ? 'E' : 'e';
        return _type switch
        {
            'e' or 'E' => FloatFormat.Scientific(number, precision, symbol, _alternate),
            'f' or 'F' => FloatFormat.Fixed(number, precision, _alternate),
            '%' => FloatFormat.Fixed(number * 100, precision, _alternate),
            'g' or 'G' or 'n' => FloatFormat.General(number, precision, symbol, _alternate),
            _ when _precision < 0 => FloatFormat.Repr(number),
            _ => FloatFormat.General(number, precision, symbol, _alternate, oneDecimal: true),
        };
    }

    /// <summary>Sign, prefix, zeros, digits in groups, suffix; then the padding.</summary>
    private string Assemble(RenderState state, string digits, string suffix, bool negative, string prefix, int groupSize)
    {
        string sign = negative ? "-" : _sign is '\0' or '-' ? string.Empty : _sign.ToString();
        string lead = sign + prefix;
        int end = 0;
        while (end < digits.Length && char.IsAsciiHexDigit(digits[end]) && !(digits[end] is 'e' or 'E' && groupSize == 3))
        {
            end++;
        }
        string whole = digits[..end];
        string rest = digits[end..] + suffix;
        if (_padsZeros)
        {
            _align = '=';
        }
        int room = _fill == "0" && _align == '=' ? _width - lead.Length - rest.Length : 0;
        if (_grouping != 0)
        {
            whole = IntegerFormat.Group(whole, _grouping, groupSize, room);
        }
        return Pad(state, whole + rest, lead, '>');
    }

    private string Pad(RenderState state, string text, string lead, char defaultAlign)
    {
        int missing = _width - CodePoints.Count(state, text) - lead.Length;
        if (missing <= 0)
        {
            return lead + text;
        }
        string before = string.Concat(Enumerable.Repeat(_fill, (_align == 0 ? defaultAlign : _align) switch
        {
            '<' => 0,
            '^' => missing / 2,
            _ => missing,
        }));
        string after = string.Concat(Enumerable.Repeat(_fill, missing - (before.Length / _fill.Length)));
        return _align == '=' ? lead + before + text : before + lead + text + after;
    }
}
