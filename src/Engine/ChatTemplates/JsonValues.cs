using System.Globalization;
using System.Numerics;
using System.Text.Json;
using KServePaged.Engine.ChatTemplates.Jinja;
using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates;

/// <summary>JSON as the values that Python's json module would make of it.</summary>
internal static class JsonValues
{
    private const int MaxDigits = 4300; // Python reads no longer integers

    /// <exception cref="TemplateException">A text is no valid Unicode, or a number too long.</exception>
    public static Value Convert(RenderState state, JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.String:
                return Value.Of(Text(element));
            case JsonValueKind.Number:
                return Number(element);
            case JsonValueKind.True:
            case JsonValueKind.False:
                return Value.Of(element.ValueKind == JsonValueKind.True);
            case JsonValueKind.Array:
                Budget.EnsureStack();
                var items = new List<Value>(element.GetArrayLength());
                foreach (JsonElement item in element.EnumerateArray())
                {
                    items.Add(Convert(state, item));
                }
                return Value.Of(new ListValue(items));
            case JsonValueKind.Object:
                Budget.EnsureStack();
                var dict = new DictValue();
                foreach (JsonProperty property in element.EnumerateObject())
                {
                    dict.Set(state, property.Name, Convert(state, property.Value));
                }
                return Value.Of(dict);
            default:
                return Value.None;
        }
    }

    private static string Text(JsonElement element)
    {
        try
        {
            return element.GetString()!; // a string is never null
        }
        catch (InvalidOperationException error)
        {
            throw new TemplateException($"a text is not valid Unicode: {error.Message}");
        }
    }

    private static Value Number(JsonElement element)
    {
        if (element.TryGetInt64(out long small))
        {
            return Value.Of(small);
        }
        string text = element.GetRawText();
        if (text.AsSpan().IndexOfAny('.', 'e', 'E') >= 0)
        {
            return Value.Of(double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture));
        }
        return text.Length <= MaxDigits
            ? Value.Of(BigInteger.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture))
            : throw new TemplateException($"an integer of more than {MaxDigits} digits");
    }
}
