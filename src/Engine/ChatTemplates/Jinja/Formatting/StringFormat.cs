using System.Globalization;
using System.Text;
using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Formatting;

/// <summary>Python's <c>text.format(…)</c>; fields are reached through the sandbox like any other attribute.</summary>
internal sealed class StringFormat(RenderState state, Arguments arguments, DictValue? mapping, bool escapes)
{
    private const int NestingLimit = 2; // fields in a field's own specification

    private int _nextIndex;
    private bool? _numbersItself;

    public static Value Apply(RenderState state, Value format, Arguments arguments) =>
        Value.Text(new StringFormat(state, arguments, null, format.IsMarkup).Expand(format.AsString, NestingLimit), format.IsMarkup);

    /// <summary><c>text.format_map(dict)</c>.</summary>
    public static Value Apply(RenderState state, Value format, DictValue mapping) =>
        Value.Text(new StringFormat(state, Arguments.None, mapping, format.IsMarkup).Expand(format.AsString, NestingLimit), format.IsMarkup);

    private string Expand(string format, int nesting)
    {
        if (nesting < 0)
        {
            throw new TemplateException("Max string recursion exceeded");
        }
        var result = new StringBuilder();
        for (int at = 0; at < format.Length;)
        {
            char unit = format[at];
            if (unit is '{' or '}')
            {
                if (at + 1 < format.Length && format[at + 1] == unit)
                {
                    result.Append(unit);
                    at += 2;
                    continue;
                }
                if (unit == '}')
                {
                    throw new TemplateException("Single '}' encountered in format string");
                }
                int end = FieldEnd(format, at + 1);
                string text = Field(format[(at + 1)..end], nesting);
                state.Budget.Allocate(text.Length);
                result.Append(text);
                at = end + 1;
                continue;
            }
            int next = format.AsSpan(at).IndexOfAny('{', '}');
            next = next < 0 ? format.Length : at + next;
            state.Budget.Allocate(next - at);
            result.Append(format, at, next - at);
            at = next;
        }
        return result.ToString();
    }

    /// <summary>The brace that closes a field: braces nest, except inside an index.</summary>
    private static int FieldEnd(string format, int at)
    {
        int depth = 1;
        for (bool inIndex = false; at < format.Length; at++)
        {
            switch (format[at])
            {
                case '[' when depth == 1:
                    inIndex = true;
                    break;
                case ']':
                    inIndex = false;
                    break;
                case '{' when !inIndex:
                    depth++;
                    break;
                case '}' when !inIndex && --depth == 0:
                    return at;
            }
        }
        throw new TemplateException(depth == 1 ? "expected '}' before end of string" : "unmatched '{' in format spec");
    }

    private string Field(string field, int nesting)
    {
        state.Budget.Step();
        int nameEnd = NameEnd(field);
        Value value = Lookup(field[..nameEnd]);
        string rest = field[nameEnd..];
        if (rest.StartsWith('!'))
        {
            bool complete = rest.Length >= 2 && (rest.Length == 2 || rest[2] == ':');
            value = complete ? Convert(value, rest[1]) : throw new TemplateException("expected ':' after conversion specifier");
            rest = rest[2..];
        }
        string spec = rest.Length > 1 ? Expand(rest[1..], nesting - 1) : string.Empty;
        if (!escapes)
        {
            return FormatSpec.Apply(state, value, spec);
        }
        if (value.IsMarkup)
        {
            return spec.Length == 0 ? value.AsString : throw new TemplateException("Unsupported format specification for Markup.");
        }
        return Html.Escape(state, FormatSpec.Apply(state, value, spec));
    }

    private static int NameEnd(string field)
    {
        for (int i = 0, depth = 0; i < field.Length; i++)
        {
            depth += field[i] switch { '[' => 1, ']' => -1, _ => 0 };
            if (depth <= 0 && field[i] is '!' or ':')
            {
                return i;
            }
        }
        return field.Length;
    }

    private Value Lookup(string name)
    {
        int end = name.AsSpan().IndexOfAny('.', '[');
        end = end < 0 ? name.Length : end;
        Value value = First(name[..end]);
        while (end < name.Length)
        {
            bool isAttribute = name[end] == '.';
            int start = end + 1;
            int stop = isAttribute ? name.AsSpan(start).IndexOfAny('.', '[') : name.AsSpan(start).IndexOf(']');
            if (!isAttribute && stop < 0)
            {
                throw new TemplateException("Missing ']' in format string");
            }
            string part = name.Substring(start, stop < 0 ? name.Length - start : stop);
            if (part.Length == 0)
            {
                throw new TemplateException("Empty attribute in format string");
            }
            value = isAttribute ? Subscripts.Attribute(state, value, part) : Subscripts.Item(state, value, IndexOf(part));
            end = start + part.Length + (isAttribute ? 0 : 1);
            if (end < name.Length && name[end] is not ('.' or '['))
            {
                throw new TemplateException("Only '.' or '[' may follow ']' in format field specifier");
            }
        }
        return value;
    }

    private Value First(string name)
    {
        bool isNumber = name.Length > 0 && name.All(char.IsAsciiDigit);
        if (name.Length == 0 || isNumber)
        {
            bool automatic = name.Length == 0;
            if (_numbersItself is bool before && before != automatic)
            {
                throw new TemplateException("cannot switch from manual field specification to automatic field numbering");
            }
            _numbersItself = automatic;
            int index = automatic ? _nextIndex++ : int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int given) ? given : int.MaxValue;
            return index < arguments.Positional.Length
                ? arguments.Positional[index]
                : throw new TemplateException($"Replacement index {index} out of range for positional args tuple");
        }
        bool found = mapping is null ? arguments.TryGetNamed(name, out Value value) : mapping.TryGet(state, name, out value);
        return found ? value : throw new TemplateException($"KeyError: '{name}'");
    }

    private Value Convert(Value value, char conversion) => conversion switch
    {
        's' => Value.Of(Printer.Str(state, value)),
        'r' => Value.Of(Printer.Repr(state, value)),
        'a' => Value.Of(Printer.Ascii(state, value)),
        _ => throw new TemplateException($"Unknown conversion specifier {conversion}"),
    };

    private static Value IndexOf(string part) => long.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out long index)
        ? Value.Of(index)
        : Value.Of(part);
}
