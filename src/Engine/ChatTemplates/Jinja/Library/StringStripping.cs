using KServePaged.Engine.ChatTemplates.Jinja.Formatting;
using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Library;

/// <summary>Methods of str that take something off the ends.</summary>
internal static class StringStripping
{
    public static Value Strip(RenderState state, Value self, Arguments arguments, string function, bool left, bool right)
    {
        var reader = new ArgumentReader(function, arguments);
        Value characters = reader.Optional(string.Empty);
        reader.End();
        string? set = characters.IsNone ? null : StringMethods.Text(characters, function);
        return Value.Of(Strip(state, self.AsString, set, left, right));
    }

    /// <param name="set">The characters to strip; null for whitespace.</param>
    public static string Strip(RenderState state, string text, string? set, bool left = true, bool right = true)
    {
        state.Budget.Scan(text.Length);
        int start = 0;
        int end = text.Length;
        while (left && start < end && IsStripped(state, text, start, set))
        {
            start += CodePoints.LengthAt(text, start);
        }
        while (right && end > start)
        {
            bool pair = end - start >= 2 && char.IsLowSurrogate(text[end - 1]) && char.IsHighSurrogate(text[end - 2]);
            int last = end - (pair ? 2 : 1);
            if (!IsStripped(state, text, last, set))
            {
                break;
            }
            end = last;
        }
        state.Budget.Visit(text.Length - (end - start));
        return text[start..end];
    }

    public static Value RemovePrefix(RenderState state, Value self, Arguments arguments)
    {
        string prefix = Affix("removeprefix", arguments);
        return Value.Of(self.AsString.StartsWith(prefix, StringComparison.Ordinal) ? self.AsString[prefix.Length..] : self.AsString);
    }

    public static Value RemoveSuffix(RenderState state, Value self, Arguments arguments)
    {
        string suffix = Affix("removesuffix", arguments);
        return Value.Of(self.AsString.EndsWith(suffix, StringComparison.Ordinal) ? self.AsString[..^suffix.Length] : self.AsString);
    }

    private static string Affix(string function, Arguments arguments)
    {
        var reader = new ArgumentReader(function, arguments);
        Value affix = reader.Required(string.Empty);
        reader.End();
        return StringMethods.Text(affix, function);
    }

    private static bool IsStripped(RenderState state, string text, int at, string? set)
    {
        int code = CodePoints.At(text, at);
        if (set is null)
        {
            return Characters.IsSpace(code);
        }
        state.Budget.Scan(set.Length);
        return code <= 0xffff ? set.Contains((char)code) : set.Contains(CodePoints.From(code), StringComparison.Ordinal);
    }
}
