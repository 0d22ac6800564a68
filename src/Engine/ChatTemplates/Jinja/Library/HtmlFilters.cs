using System.Buffers;
using System.Net;
using System.Text;
using KServePaged.Engine.ChatTemplates.Jinja.Formatting;
using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Library;

/// <summary>Filters that know of markup.</summary>
internal static class HtmlFilters
{
    private static readonly SearchValues<char> NotInNames = SearchValues.Create(" \t\n\r\f\v/>=");

    public static Value Escape(RenderState state, Value value, Arguments arguments)
    {
        new ArgumentReader("escape", arguments).End();
        return Html.Mark(state, value);
    }

    public static Value ForceEscape(RenderState state, Value value, Arguments arguments)
    {
        new ArgumentReader("forceescape", arguments).End();
        return Value.Markup(Html.Escape(state, Printer.Str(state, value)));
    }

    public static Value Safe(RenderState state, Value value, Arguments arguments)
    {
        new ArgumentReader("safe", arguments).End();
        return Value.Markup(Printer.Str(state, value));
    }

    public static Value StripTags(RenderState state, Value value, Arguments arguments)
    {
        new ArgumentReader("striptags", arguments).End();
        return StripTags(state, value);
    }

    /// <summary>Without comments and tags, every run of whitespace as one blank, entities read.</summary>
    public static Value StripTags(RenderState state, Value value)
    {
        string text = Remove(state, Remove(state, Printer.Str(state, value), "<!--", "-->"), "<", ">");
        state.Budget.Visit(text.Length * 2L);
        var joiner = new TextJoiner(state, " ");
        foreach (string word in Words(text))
        {
            joiner.Add(word);
        }
        return Value.Of(WebUtility.HtmlDecode(joiner.ToString()));
    }

    public static Value UrlEncode(RenderState state, Value value, Arguments arguments)
    {
        new ArgumentReader("urlencode", arguments).End();
        if (value.IsString || Iteration.TryOf(state, value) is not IEnumerator<Value> pairs)
        {
            return Value.Of(Quote(state, Printer.Str(state, value), isQuery: false));
        }
        if (value.Kind == ValueKind.Dict)
        {
            pairs = new ViewValue(value.AsDict, ViewValue.Side.Items).Iterate(state);
        }
        var joiner = new TextJoiner(state, "&");
        while (pairs.MoveNext())
        {
            Value[] pair = Iteration.Unpack(state, pairs.Current, 2);
            joiner.Add($"{Quote(state, Printer.Str(state, pair[0]), true)}={Quote(state, Printer.Str(state, pair[1]), true)}");
        }
        return Value.Of(joiner.ToString());
    }

    public static Value XmlAttributes(RenderState state, Value value, Arguments arguments)
    {
        var reader = new ArgumentReader("xmlattr", arguments);
        bool space = Operations.Truth(state, reader.Optional("autospace", Value.True));
        reader.End();
        if (value.Kind != ValueKind.Dict)
        {
            throw new TemplateException($"'{Operations.TypeName(value)}' object has no attribute 'items'");
        }
        var joiner = new TextJoiner(state, " ");
        foreach ((Value key, Value item) in value.AsDict.Entries)
        {
            if (item.IsNone || item.IsUndefined)
            {
                continue;
            }
            string name = StringMethods.Text(key, "xmlattr");
            if (name.AsSpan().ContainsAny(NotInNames))
            {
                throw new TemplateException($"Invalid character in attribute name: {Printer.Repr(state, key)}");
            }
            joiner.Add($"{Html.Escaped(state, key)}=\"{Html.Escaped(state, item)}\"");
        }
        string text = joiner.ToString();
        return Value.Text(space && text.Length > 0 ? " " + text : text, state.AutoEscape);
    }

    /// <summary>Removes everything from <paramref name="open"/> to the next <paramref name="close"/>.</summary>
    private static string Remove(RenderState state, string text, string open, string close)
    {
        state.Budget.Visit(text.Length);
        var result = new StringBuilder(text.Length);
        int done = 0;
        for (int start = text.IndexOf(open, StringComparison.Ordinal); start >= 0; start = text.IndexOf(open, done, StringComparison.Ordinal))
        {
            int end = text.IndexOf(close, start + open.Length, StringComparison.Ordinal);
            if (end < 0)
            {
                break;
            }
            result.Append(text, done, start - done);
            done = end + close.Length;
        }
        return result.Append(text, done, text.Length - done).ToString();
    }

    private static IEnumerable<string> Words(string text)
    {
        for (int start = 0; start < text.Length;)
        {
            int end = start;
            while (end < text.Length && !Characters.IsSpace(text[end]))
            {
                end++;
            }
            if (end > start)
            {
                yield return text[start..end];
            }
            start = end + 1;
        }
    }

    private static string Quote(RenderState state, string text, bool isQuery)
    {
        state.Budget.Visit(text.Length * 2L);
        var result = new StringBuilder(text.Length);
        foreach (byte unit in Encoding.UTF8.GetBytes(text))
        {
            char character = (char)unit;
            if (char.IsAsciiLetterOrDigit(character) || "_.-~".Contains(character) || (character == '/' && !isQuery))
            {
                result.Append(character);
            }
            else if (character == ' ' && isQuery)
            {
                result.Append('+');
            }
            else
            {
                result.Append('%').Append(unit.ToString("X2", System.Globalization.CultureInfo.InvariantCulture));
            }
        }
        state.Budget.Allocate(result.Length);
        return result.ToString();
    }
}
