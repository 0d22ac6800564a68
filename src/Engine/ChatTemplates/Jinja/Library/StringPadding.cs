using System.Text;
using KServePaged.Engine.ChatTemplates.Jinja.Formatting;
using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Library;

/// <summary>Methods of str that widen it.</summary>
internal static class StringPadding
{
    /// <param name="function">center, ljust or rjust.</param>
    public static Value Pad(RenderState state, Value self, Arguments arguments, string function)
    {
        var reader = new ArgumentReader(function, arguments);
        long width = Numbers.Index(reader.Required(string.Empty));
        string fill = StringMethods.Text(reader.Optional(string.Empty, Value.Of(" ")), function);
        reader.End();
        if (fill.Length == 0 || CodePoints.Count(state, fill) != 1)
        {
            throw new TemplateException("The fill character must be exactly one character long");
        }
        return Value.Of(Pad(state, self.AsString, width, fill, function));
    }

    public static string Pad(RenderState state, string text, long width, string fill, string function)
    {
        long missing = width - CodePoints.Count(state, text);
        if (missing <= 0)
        {
            return text;
        }
        state.Budget.Allocate(text.Length + (missing * fill.Length));
        long before = function switch
        {
            "ljust" => 0,
            "rjust" => missing,
            _ => (missing / 2) + (missing & width & 1),
        };
        return Repeat(fill, before) + text + Repeat(fill, missing - before);
    }

    public static Value ZeroFill(RenderState state, Value self, Arguments arguments)
    {
        var reader = new ArgumentReader("zfill", arguments);
        long width = Numbers.Index(reader.Required(string.Empty));
        reader.End();
        string text = self.AsString;
        int sign = text.StartsWith('+') || text.StartsWith('-') ? 1 : 0;
        return Value.Of(text[..sign] + Pad(state, text[sign..], width - sign, "0", "rjust"));
    }

    public static Value ExpandTabs(RenderState state, Value self, Arguments arguments)
    {
        var reader = new ArgumentReader("expandtabs", arguments);
        long size = Numbers.Index(reader.Optional("tabsize", Value.Of(8L)));
        reader.End();
        state.Budget.Visit(self.AsString.Length);
        var result = new StringBuilder();
        long column = 0;
        foreach (char unit in self.AsString)
        {
            if (unit == '\t')
            {
                long spaces = size > 0 ? size - (column % size) : 0;
                state.Budget.Allocate(spaces);
                result.Append(' ', (int)spaces);
                column += spaces;
                continue;
            }
            column = unit is '\n' or '\r' ? 0 : char.IsLowSurrogate(unit) ? column : column + 1;
            result.Append(unit);
        }
        state.Budget.Allocate(result.Length);
        return Value.Of(result.ToString());
    }

    private static string Repeat(string fill, long count) =>
        fill.Length == 1 ? new string(fill[0], (int)count) : string.Concat(Enumerable.Repeat(fill, (int)count));
}
