using System.Text;
using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Formatting;

/// <summary>Markup as the markupsafe library escapes it.</summary>
internal static class Html
{
    /// <summary>The text of a value, escaped unless it is markup already.</summary>
    public static string Escaped(RenderState state, Value value) =>
        value.IsMarkup ? value.AsString : Escape(state, Printer.Str(state, value));

    public static Value Mark(RenderState state, Value value) => Value.Markup(Escaped(state, value));

    public static string Escape(RenderState state, string text)
    {
        state.Budget.Scan(text.Length);
        if (text.AsSpan().IndexOfAny("&<>'\"") < 0)
        {
            return text;
        }
        state.Budget.Visit(text.Length);
        var result = new StringBuilder(text.Length + 16);
        foreach (char unit in text)
        {
            _ = unit switch
            {
                '&' => result.Append("&amp;"),
                '<' => result.Append("&lt;"),
                '>' => result.Append("&gt;"),
                '\'' => result.Append("&#39;"),
                '"' => result.Append("&#34;"),
                _ => result.Append(unit),
            };
        }
        state.Budget.Allocate(result.Length);
        return result.ToString();
    }
}
