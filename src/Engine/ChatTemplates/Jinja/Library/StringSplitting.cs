using KServePaged.Engine.ChatTemplates.Jinja.Formatting;
using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Library;

/// <summary>Methods of str that take it apart.</summary>
internal static class StringSplitting
{
    public static Value Split(RenderState state, Value self, Arguments arguments, bool fromRight)
    {
        string function = fromRight ? "rsplit" : "split";
        var reader = new ArgumentReader(function, arguments);
        Value separator = reader.Optional("sep");
        long limit = Numbers.Index(reader.Optional("maxsplit", Value.Of(-1L)));
        reader.End();
        limit = limit < 0 ? long.MaxValue : limit;
        string text = self.AsString;
        if (separator.IsNone)
        {
            state.Budget.Visit(text.Length);
        }
        List<Range> parts = separator.IsNone
            ? (fromRight ? SplitSpaceFromRight(text, limit) : SplitSpace(text, limit))
            : SplitAt(state, text, StringMethods.Text(separator, function), limit, fromRight);
        return ToList(state, self, parts);
    }

    public static Value SplitLines(RenderState state, Value self, Arguments arguments)
    {
        var reader = new ArgumentReader("splitlines", arguments);
        bool keepEnds = Operations.Truth(state, reader.Optional("keepends", Value.False));
        reader.End();
        return ToList(state, self, Lines(state, self.AsString, keepEnds));
    }

    /// <summary>The lines of a text, by all the line ends that Python knows.</summary>
    public static List<Range> Lines(RenderState state, string text, bool keepEnds)
    {
        state.Budget.Visit(text.Length);
        List<Range> lines = [];
        for (int start = 0; start < text.Length;)
        {
            int end = start;
            while (end < text.Length && !Characters.IsLineBreak(text[end]))
            {
                end++;
            }
            int next = end >= text.Length ? end : text[end] == '\r' && end + 1 < text.Length && text[end + 1] == '\n' ? end + 2 : end + 1;
            lines.Add(start..(keepEnds ? next : end));
            start = next;
        }
        return lines;
    }

    public static Value Partition(RenderState state, Value self, Arguments arguments, bool fromRight)
    {
        string function = fromRight ? "rpartition" : "partition";
        var reader = new ArgumentReader(function, arguments);
        Value given = reader.Required(string.Empty);
        reader.End();
        bool markup = self.IsMarkup;
        string separator = markup ? Html.Escaped(state, given) : StringMethods.Text(given, function);
        if (separator.Length == 0)
        {
            throw new TemplateException("empty separator");
        }
        string text = self.AsString;
        int at = fromRight
            ? TextSearch.LastIndexOf(state, text, separator, 0, text.Length)
            : TextSearch.IndexOf(state, text, separator, 0, text.Length);
        string[] parts = at >= 0
            ? [text[..at], separator, text[(at + separator.Length)..]]
            : fromRight ? [string.Empty, string.Empty, text] : [text, string.Empty, string.Empty];
        state.Budget.Allocate(text.Length);
        return Value.Of(new TupleValue(Array.ConvertAll(parts, part => Value.Text(part, markup))));
    }

    private static List<Range> SplitAt(RenderState state, string text, string separator, long limit, bool fromRight)
    {
        if (separator.Length == 0)
        {
            throw new TemplateException("empty separator");
        }
        List<Range> parts = [];
        int start = 0;
        int end = text.Length;
        while (limit-- > 0)
        {
            int at = fromRight
                ? TextSearch.LastIndexOf(state, text, separator, start, end)
                : TextSearch.IndexOf(state, text, separator, start, end);
            if (at < 0)
            {
                break;
            }
            state.Budget.AllocateItems(1);
            if (fromRight)
            {
                parts.Add((at + separator.Length)..end);
                end = at;
            }
            else
            {
                parts.Add(start..at);
                start = at + separator.Length;
            }
        }
        parts.Add(start..end);
        if (fromRight)
        {
            parts.Reverse();
        }
        return parts;
    }

    private static List<Range> SplitSpace(string text, long limit)
    {
        List<Range> parts = [];
        int at = 0;
        while (true)
        {
            while (at < text.Length && Characters.IsSpace(text[at]))
            {
                at++;
            }
            if (at >= text.Length)
            {
                return parts;
            }
            int start = at;
            while (at < text.Length && (limit == 0 || !Characters.IsSpace(text[at])))
            {
                at++;
            }
            limit--;
            parts.Add(start..at);
        }
    }

    private static List<Range> SplitSpaceFromRight(string text, long limit)
    {
        List<Range> parts = [];
        int at = text.Length;
        while (true)
        {
            while (at > 0 && Characters.IsSpace(text[at - 1]))
            {
                at--;
            }
            if (at <= 0)
            {
                parts.Reverse();
                return parts;
            }
            int end = at;
            while (at > 0 && (limit == 0 || !Characters.IsSpace(text[at - 1])))
            {
                at--;
            }
            limit--;
            parts.Add(at..end);
        }
    }

    private static Value ToList(RenderState state, Value self, List<Range> parts)
    {
        state.Budget.AllocateItems(parts.Count);
        state.Budget.Allocate(self.AsString.Length);
        string text = self.AsString;
        var items = new List<Value>(parts.Count);
        foreach (Range part in parts)
        {
            items.Add(Value.Text(text[part], self.IsMarkup));
        }
        return Value.Of(new ListValue(items));
    }
}
