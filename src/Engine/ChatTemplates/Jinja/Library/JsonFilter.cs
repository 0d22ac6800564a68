using KServePaged.Engine.ChatTemplates.Jinja.Formatting;
using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Library;

/// <summary><c>tojson</c> as transformers replaces it: json.dumps with its arguments, nothing escaped for HTML, plain text.</summary>
internal static class JsonFilter
{
    public static Value ToJson(RenderState state, Value value, Arguments arguments)
    {
        var reader = new ArgumentReader("tojson", arguments);
        bool ensureAscii = Operations.Truth(state, reader.Optional("ensure_ascii", Value.False));
        string? indent = Indent(state, reader.Optional("indent"));
        Value separators = reader.Optional("separators");
        bool sortKeys = Operations.Truth(state, reader.Optional("sort_keys", Value.False));
        reader.End();
        (string item, string key) = (indent is null ? ", " : ",", ": ");
        if (!separators.IsNone)
        {
            Value[] pair = Iteration.Unpack(state, separators, 2);
            (item, key) = (StringMethods.Text(pair[0], "tojson"), StringMethods.Text(pair[1], "tojson"));
        }
        return Value.Of(new JsonPrinter(state, new JsonPrinter.Options(ensureAscii, indent, item, key, sortKeys)).Print(value));
    }

    private static string? Indent(RenderState state, Value indent)
    {
        if (indent.IsNone)
        {
            return null;
        }
        if (indent.IsString)
        {
            return indent.AsString;
        }
        long width = Math.Max(0, Numbers.Index(indent));
        state.Budget.Allocate(width);
        return new string(' ', (int)width);
    }
}
