using System.Globalization;
using System.Text;
using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Formatting;

/// <summary>Python's <c>json.dumps</c>, which chat templates print tools with: every space of it reaches the model.</summary>
internal sealed class JsonPrinter(RenderState state, JsonPrinter.Options options)
{
    private readonly StringBuilder _text = new();
    private string _indentation = "\n";

    /// <param name="Indent">One level of indentation, or null for everything on one line.</param>
    internal sealed record Options(bool EnsureAscii, string? Indent, string ItemSeparator, string KeySeparator, bool SortKeys);

    public string Print(Value value)
    {
        Write(value);
        return _text.ToString();
    }

    private void Write(Value value)
    {
        state.Budget.Step();
        switch (value.Kind)
        {
            case ValueKind.String:
                Quote(value.AsString);
                break;
            case ValueKind.List or ValueKind.Tuple:
                Budget.EnsureStack();
                WriteArray((SequenceValue)value.AsObject);
                break;
            case ValueKind.Dict:
                Budget.EnsureStack();
                WriteObject(value.AsDict);
                break;
            default:
                Append(Atom(value) ?? throw new TemplateException($"Object of type {Operations.TypeName(value)} is not JSON serializable"));
                break;
        }
    }

    private string? Atom(Value value) => value.Kind switch
    {
        ValueKind.None => "null",
        ValueKind.Boolean => value.AsBoolean ? "true" : "false",
        ValueKind.Integer => value.AsInteger.ToString(CultureInfo.InvariantCulture),
        ValueKind.BigInteger => Printer.Integer(state, value.AsBigInteger),
        ValueKind.Float => value.AsFloat switch
        {
            double.NaN => "NaN",
            double.PositiveInfinity => "Infinity",
            double.NegativeInfinity => "-Infinity",
            double number => FloatFormat.Repr(number),
        },
        _ => null,
    };

    private void WriteArray(SequenceValue items)
    {
        if (items.Count == 0)
        {
            Append("[]");
            return;
        }
        Open("[");
        for (int i = 0; i < items.Count; i++)
        {
            Separate(i);
            Write(items[i]);
        }
        Close("]");
    }

    private void WriteObject(DictValue dict)
    {
        if (dict.Count == 0)
        {
            Append("{}");
            return;
        }
        Open("{");
        IEnumerable<KeyValuePair<Value, Value>> entries = options.SortKeys
            ? StableSort.Sort(dict.Entries, (left, right) => Operations.Less(state, left.Key, right.Key))
            : dict.Entries;
        int count = 0;
        foreach ((Value key, Value value) in entries)
        {
            Separate(count++);
            Quote(key.IsString ? key.AsString : Atom(key) ?? throw new TemplateException(
                $"keys must be str, int, float, bool or None, not {Operations.TypeName(key)}"));
            Append(options.KeySeparator);
            Write(value);
        }
        Close("}");
    }

    private void Open(string bracket)
    {
        Append(bracket);
        if (options.Indent is not null)
        {
            state.Budget.Allocate(_indentation.Length + options.Indent.Length);
            _indentation += options.Indent;
            Append(_indentation);
        }
    }

    private void Separate(int index)
    {
        if (index > 0)
        {
            Append(options.ItemSeparator);
            if (options.Indent is not null)
            {
                Append(_indentation);
            }
        }
    }

    private void Close(string bracket)
    {
        if (options.Indent is not null)
        {
            _indentation = _indentation[..^options.Indent.Length];
            Append(_indentation);
        }
        Append(bracket);
    }

    private void Quote(string text)
    {
        state.Budget.Visit(text.Length);
        state.Budget.Allocate(text.Length + 2L);
        _text.Append('"');
        int plain = 0;
        for (int i = 0; i < text.Length; i++)
        {
            char unit = text[i];
            if (unit >= ' ' && unit is not ('"' or '\\') && (unit < 0x7f || !options.EnsureAscii))
            {
                continue;
            }
            string escape = Escape(unit);
            state.Budget.Allocate(escape.Length);
            _text.Append(text, plain, i - plain).Append(escape);
            plain = i + 1;
        }
        _text.Append(text, plain, text.Length - plain).Append('"');
    }

    private static string Escape(char unit) => unit switch
    {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        '\f' => "\\f",
        '\b' => "\\b",
        _ => $"\\u{(int)unit:x4}",
    };

    private void Append(string text)
    {
        state.Budget.Allocate(text.Length);
        _text.Append(text);
    }
}
