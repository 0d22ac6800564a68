using System.Text;
using KServePaged.Engine.ChatTemplates.Jinja.Formatting;
using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Library;

internal static class TextFilters
{
    public static Value Upper(RenderState state, Value value, Arguments arguments) => Mapped(state, value, arguments, "upper", Casing.Upper);

    public static Value Lower(RenderState state, Value value, Arguments arguments) => Mapped(state, value, arguments, "lower", Casing.Lower);

    public static Value Capitalize(RenderState state, Value value, Arguments arguments) =>
        Mapped(state, value, arguments, "capitalize", Casing.Capitalize);

    public static Value Title(RenderState state, Value value, Arguments arguments) =>
        Value.Of(Mapped(state, value, arguments, "title", TitleWords).AsString);

    public static Value String(RenderState state, Value value, Arguments arguments)
    {
        new ArgumentReader("string", arguments).End();
        return Value.Text(Printer.Str(state, value), value.IsMarkup);
    }

    public static Value Trim(RenderState state, Value value, Arguments arguments)
    {
        var reader = new ArgumentReader("trim", arguments);
        Value characters = reader.Optional("chars");
        reader.End();
        string? set = characters.IsNone ? null : StringMethods.Text(characters, "trim");
        return Value.Text(StringStripping.Strip(state, Printer.Str(state, value), set), value.IsMarkup);
    }

    public static Value Center(RenderState state, Value value, Arguments arguments)
    {
        var reader = new ArgumentReader("center", arguments);
        long width = Numbers.Index(reader.Optional("width", Value.Of(80L)));
        reader.End();
        return Value.Text(StringPadding.Pad(state, Printer.Str(state, value), width, " ", "center"), value.IsMarkup);
    }

    public static Value Replace(RenderState state, Value value, Arguments arguments)
    {
        var reader = new ArgumentReader("replace", arguments);
        Value old = reader.Required("old");
        Value replacement = reader.Required("new");
        Value count = reader.Optional("count");
        reader.End();
        bool markup = state.AutoEscape && (value.IsMarkup || old.IsMarkup || replacement.IsMarkup);
        string result = StringSearching.Replace(
            state,
            markup ? Html.Escaped(state, value) : Printer.Str(state, value),
            markup ? Html.Escaped(state, old) : Printer.Str(state, old),
            markup ? Html.Escaped(state, replacement) : Printer.Str(state, replacement),
            count.IsNone ? -1 : Numbers.Index(count));
        return Value.Text(result, markup);
    }

    public static Value Join(RenderState state, Value value, Arguments arguments)
    {
        var reader = new ArgumentReader("join", arguments);
        Value separator = reader.Optional("d", Value.EmptyString);
        Value attribute = reader.Optional("attribute");
        reader.End();
        List<Value> items = Iteration.ToList(state, value);
        if (!attribute.IsNone)
        {
            var path = new AttributePath(attribute);
            items = items.ConvertAll(item => path.Of(state, item));
        }
        bool markup = state.AutoEscape && (separator.IsMarkup || items.Exists(item => item.IsMarkup));
        var joiner = new TextJoiner(state, markup ? Html.Escaped(state, separator) : Printer.Str(state, separator));
        foreach (Value item in items)
        {
            joiner.Add(markup ? Html.Escaped(state, item) : Printer.Str(state, item));
        }
        return Value.Text(joiner.ToString(), markup);
    }

    public static Value Format(RenderState state, Value value, Arguments arguments)
    {
        if (arguments.Positional.Length > 0 && arguments.Named.Length > 0)
        {
            throw new TemplateException("can't handle positional and keyword arguments at the same time");
        }
        var named = new DictValue(arguments.Named.Length);
        foreach (NamedValue argument in arguments.Named)
        {
            named.Set(state, argument.Name, argument.Value);
        }
        Value given = named.Count > 0 ? Value.Of(named) : Value.Of(new TupleValue(arguments.Positional));
        return PercentFormat.Apply(state, Value.Text(Printer.Str(state, value), value.IsMarkup), given);
    }

    public static Value Indent(RenderState state, Value value, Arguments arguments)
    {
        var reader = new ArgumentReader("indent", arguments);
        Value width = reader.Optional("width", Value.Of(4L));
        bool first = Operations.Truth(state, reader.Optional("first", Value.False));
        bool blank = Operations.Truth(state, reader.Optional("blank", Value.False));
        reader.End();
        string text = StringMethods.Text(value, "indent") + "\n";
        string indentation = width.IsString ? width.AsString : new string(' ', (int)Math.Clamp(Numbers.Index(width), 0, state.Budget.Limits.TextLength));
        state.Budget.Allocate(indentation.Length);
        List<Range> lines = StringSplitting.Lines(state, text, keepEnds: false);
        state.Budget.AllocateItems(lines.Count);
        var joiner = new TextJoiner(state, "\n");
        for (int i = 0; i < lines.Count; i++)
        {
            string line = text[lines[i]];
            bool indents = i == 0 ? first : blank || line.Length > 0;
            joiner.Add(indents ? indentation + line : line);
        }
        return Value.Text(joiner.ToString(), value.IsMarkup);
    }

    public static Value Truncate(RenderState state, Value value, Arguments arguments)
    {
        var reader = new ArgumentReader("truncate", arguments);
        long length = Numbers.Index(reader.Optional("length", Value.Of(255L)));
        bool killWords = Operations.Truth(state, reader.Optional("killwords", Value.False));
        Value end = reader.Optional("end", Value.Of("..."));
        Value leewayValue = reader.Optional("leeway");
        reader.End();
        long leeway = leewayValue.IsNone ? 5 : Numbers.Index(leewayValue);
        int endLength = CodePoints.Count(state, StringMethods.Text(end, "truncate"));
        if (length < endLength || leeway < 0)
        {
            throw new TemplateException(leeway < 0 ? $"expected leeway >= 0, got {leeway}" : $"expected length >= {endLength}, got {length}");
        }
        if (Operations.Length(state, value) <= length + leeway)
        {
            return value;
        }
        string text = StringMethods.Text(value, "truncate");
        string cut = text[..CodePoints.Offset(state, text, length - endLength)];
        int space = killWords ? -1 : cut.LastIndexOf(' ');
        return Arithmetic.Add(state, Value.Text(space < 0 ? cut : cut[..space], value.IsMarkup), end);
    }

    public static Value WordCount(RenderState state, Value value, Arguments arguments)
    {
        new ArgumentReader("wordcount", arguments).End();
        string text = Printer.Str(state, value);
        state.Budget.Visit(text.Length);
        long count = 0;
        bool inWord = false;
        for (int i = 0; i < text.Length; i += CodePoints.LengthAt(text, i))
        {
            bool isWord = Characters.IsWord(CodePoints.At(text, i));
            count += isWord && !inWord ? 1 : 0;
            inWord = isWord;
        }
        return Value.Of(count);
    }

    private static Value Mapped(RenderState state, Value value, Arguments arguments, string name, Func<string, string> map)
    {
        new ArgumentReader(name, arguments).End();
        return Value.Text(StringMethods.Map(state, Printer.Str(state, value), map), value.IsMarkup);
    }

    /// <summary>A capital after whitespace, hyphens and opening brackets; unlike str.title not after an apostrophe.</summary>
    private static string TitleWords(string text)
    {
        var result = new StringBuilder(text.Length);
        for (int start = 0; start < text.Length;)
        {
            bool separates = Separates(text[start]);
            int end = start + 1;
            while (end < text.Length && Separates(text[end]) == separates)
            {
                end++;
            }
            int first = start + CodePoints.LengthAt(text, start);
            result.Append(Casing.Upper(text[start..first])).Append(Casing.Lower(text[first..end]));
            start = end;
        }
        return result.ToString();

        static bool Separates(char unit) => unit is '-' or '(' or '{' or '[' or '<' || Characters.IsSpace(unit);
    }
}
