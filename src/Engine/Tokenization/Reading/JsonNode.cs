using System.Text.Json;

namespace KServePaged.Engine.Tokenization.Reading;

/// <summary>A place in a model's JSON file that knows its path, so that every defect can be named.</summary>
internal readonly struct JsonNode(JsonElement element, string file, string path)
{
    private const string BrokenText = "a string holds half of a surrogate pair, which is no text";

    public string Path => path;

    public JsonValueKind Kind => element.ValueKind;

    public bool IsNull => element.ValueKind == JsonValueKind.Null;

    /// <summary>A member that must be there and not null.</summary>
    public JsonNode this[string name] => Find(name) ?? throw Defect($"'{name}' is missing");

    /// <returns>The member, or null when it is absent or JSON null.</returns>
    public JsonNode? Find(string name)
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            throw Defect("an object is expected");
        }
        try
        {
            return element.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null
                ? new JsonNode(value, file, path.Length == 0 ? name : $"{path}.{name}")
                : null;
        }
        catch (InvalidOperationException exception)
        {
            throw Defect(BrokenText, exception);
        }
    }

    public string Text()
    {
        if (element.ValueKind != JsonValueKind.String)
        {
            throw Defect("a string is expected");
        }
        try
        {
            return element.GetString()!; // not null for a string
        }
        catch (InvalidOperationException exception)
        {
            throw Defect(BrokenText, exception);
        }
    }

    /// <summary>A string of exactly one character, as a code point's text.</summary>
    public string Character()
    {
        string text = Text();
        return text.Length > 0 && text.Length == (char.IsSurrogate(text[0]) ? 2 : 1) ? text : throw Defect("one character is expected");
    }

    public bool Flag() => element.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Defect("true or false is expected"),
    };

    public int Integer(int min, int max) =>
        element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out int value) && value >= min && value <= max
            ? value
            : throw Defect($"a whole number from {min} to {max} is expected");

    public double Number() =>
        element.ValueKind == JsonValueKind.Number && element.TryGetDouble(out double value) && double.IsFinite(value)
            ? value
            : throw Defect("a number is expected");

    public List<JsonNode> Items()
    {
        if (element.ValueKind != JsonValueKind.Array)
        {
            throw Defect("an array is expected");
        }
        var items = new List<JsonNode>(element.GetArrayLength());
        foreach (JsonElement item in element.EnumerateArray())
        {
            items.Add(new JsonNode(item, file, $"{path}[{items.Count}]"));
        }
        return items;
    }

    public List<(string Name, JsonNode Value)> Members()
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            throw Defect("an object is expected");
        }
        var members = new List<(string, JsonNode)>();
        foreach (JsonProperty property in element.EnumerateObject())
        {
            members.Add((NameOf(property), new JsonNode(property.Value, file, $"{path}.{members.Count}")));
        }
        return members;
    }

    public bool FlagOr(string name, bool otherwise) => Find(name)?.Flag() ?? otherwise;

    public InvalidDataException Defect(string what, Exception? cause = null) => new($"{file}: {(path.Length == 0 ? "the top level" : path)}: {what}.", cause);

    private string NameOf(JsonProperty property)
    {
        try
        {
            return property.Name;
        }
        catch (InvalidOperationException exception)
        {
            throw Defect(BrokenText, exception);
        }
    }
}
