using System.Text;
using KServePaged.Engine.ChatTemplates.Jinja.Formatting;
using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Library;

/// <summary>Methods of str that look for a part of it.</summary>
internal static class StringSearching
{
    public static Value Find(RenderState state, Value self, Arguments arguments, string function, bool fromRight, bool mustExist)
    {
        var reader = new ArgumentReader(function, arguments);
        string wanted = StringMethods.Text(reader.Required(string.Empty), function);
        (int start, int end) = Window(state, self.AsString, reader.Optional(string.Empty), reader.Optional(string.Empty));
        reader.End();
        int found = fromRight
            ? TextSearch.LastIndexOf(state, self.AsString, wanted, start, end)
            : TextSearch.IndexOf(state, self.AsString, wanted, start, end);
        if (found < 0)
        {
            return mustExist ? throw new TemplateException("substring not found") : Value.Of(-1L);
        }
        return Value.Of((long)CodePoints.IndexOf(state, self.AsString, found));
    }

    public static Value Count(RenderState state, Value self, Arguments arguments)
    {
        var reader = new ArgumentReader("count", arguments);
        string wanted = StringMethods.Text(reader.Required(string.Empty), "count");
        (int start, int end) = Window(state, self.AsString, reader.Optional(string.Empty), reader.Optional(string.Empty));
        reader.End();
        if (wanted.Length == 0)
        {
            return Value.Of(start > end ? 0L : CodePoints.Count(state, self.AsString[start..end]) + 1L);
        }
        long count = 0;
        for (int at = start; (at = TextSearch.IndexOf(state, self.AsString, wanted, at, end)) >= 0; at += wanted.Length)
        {
            count++;
        }
        return Value.Of(count);
    }

    /// <summary>startswith and endswith, with one text or a tuple of them.</summary>
    public static Value Affix(RenderState state, Value self, Arguments arguments, string function, bool atEnd)
    {
        var reader = new ArgumentReader(function, arguments);
        Value wanted = reader.Required(string.Empty);
        (int start, int end) = Window(state, self.AsString, reader.Optional(string.Empty), reader.Optional(string.Empty));
        reader.End();
        Value[] affixes = wanted.Kind == ValueKind.Tuple ? wanted.AsTuple.Items : [wanted];
        foreach (Value item in affixes)
        {
            string affix = item.IsString || item.IsUndefined
                ? StringMethods.Text(item, function)
                : throw new TemplateException($"{function} first arg must be str or a tuple of str, not {Operations.TypeName(item)}");
            state.Budget.Scan(affix.Length);
            ReadOnlySpan<char> window = start > end ? default : self.AsString.AsSpan(start, end - start);
            if (start <= end && (atEnd ? window.EndsWith(affix, StringComparison.Ordinal) : window.StartsWith(affix, StringComparison.Ordinal)))
            {
                return Value.True;
            }
        }
        return Value.False;
    }

    public static Value Replace(RenderState state, Value self, Arguments arguments)
    {
        var reader = new ArgumentReader("replace", arguments);
        string old = StringMethods.Text(reader.Required(string.Empty), "replace");
        string replacement = StringMethods.Text(reader.Required(string.Empty), "replace");
        long count = Numbers.Index(reader.Optional(string.Empty, Value.Of(-1L)));
        reader.End();
        return Value.Of(Replace(state, self.AsString, old, replacement, count));
    }

    /// <param name="count">How many to replace at most; negative for all.</param>
    public static string Replace(RenderState state, string text, string old, string replacement, long count)
    {
        long limit = count < 0 ? long.MaxValue : count;
        var result = new StringBuilder(text.Length);
        int done = 0;
        for (long i = 0; i < limit; i++)
        {
            int next = old.Length > 0 ? TextSearch.IndexOf(state, text, old, done, text.Length) : i == 0 ? 0 : NextCharacter(text, done);
            if (next < 0)
            {
                break;
            }
            state.Budget.Allocate((long)next - done + replacement.Length);
            if (result.Length > state.Budget.Limits.TextLength)
            {
                state.Budget.Allocate(result.Length);
            }
            result.Append(text, done, next - done).Append(replacement);
            done = next + old.Length;
        }
        if (done == 0 && result.Length == 0)
        {
            return text; // nothing found
        }
        state.Budget.Allocate((long)text.Length - done);
        return result.Append(text, done, text.Length - done).ToString();
    }

    /// <summary>The place behind the next character: an empty pattern is found between all of them.</summary>
    private static int NextCharacter(string text, int at) => at >= text.Length ? -1 : at + CodePoints.LengthAt(text, at);

    /// <summary>The part between two indices, in UTF-16 offsets; nothing is found where the start lies behind the end.</summary>
    private static (int Start, int End) Window(RenderState state, string text, Value start, Value end)
    {
        if (start.IsNone && end.IsNone)
        {
            return (0, text.Length);
        }
        int count = CodePoints.Count(state, text);
        long from = start.IsNone ? 0 : Numbers.Index(start);
        long to = end.IsNone ? count : Math.Min(Numbers.Index(end), count);
        from = from < 0 ? Math.Max(0, from + count) : from;
        to = to < 0 ? Math.Max(0, to + count) : to;
        return from > to ? (1, 0) : (CodePoints.Offset(state, text, from), CodePoints.Offset(state, text, to));
    }
}
