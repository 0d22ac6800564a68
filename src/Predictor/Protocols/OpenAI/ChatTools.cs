using System.Text.Json;

namespace KServePaged.Predictor.Protocols.OpenAI;

/// <summary>
/// <c>tools</c> and <c>tool_choice</c>. The tools are shown to the model by its template; what it answers is returned as text, so a
/// choice that would need a call to be recognized is refused.
/// </summary>
internal static class ChatTools
{
    public static JsonElement? Take(RequestFields fields)
    {
        JsonElement? tools = fields.Json("tools", JsonValueKind.Array);
        if (tools is { } list)
        {
            Check(fields, list);
        }
        if (fields.Take("tool_choice") is { } choice)
        {
            CheckChoice(fields, choice, tools);
        }
        return tools;
    }

    private static void Check(RequestFields fields, JsonElement tools)
    {
        if (tools.GetArrayLength() == 0)
        {
            throw fields.Refusal("tools", "tools must hold at least one tool.");
        }
        int index = 0;
        foreach (JsonElement tool in tools.EnumerateArray())
        {
            if (NameOf(tool) is null)
            {
                throw fields.Wrong($"tools[{index}]", "an object of type function, with a function that has a name", tool);
            }
            if (tool.GetProperty("function").TryGetProperty("parameters", out JsonElement parameters) && parameters.ValueKind is not (JsonValueKind.Object or JsonValueKind.Null))
            {
                throw fields.Wrong($"tools[{index}].function.parameters", "an object", parameters);
            }
            index++;
        }
    }

    private static void CheckChoice(RequestFields fields, JsonElement choice, JsonElement? tools)
    {
        if (choice.ValueKind == JsonValueKind.String && choice.GetString() == "none")
        {
            return;
        }
        if (tools is not { } list)
        {
            throw fields.Refusal("tool_choice", "tool_choice needs tools.");
        }
        switch (choice.ValueKind)
        {
            case JsonValueKind.String when choice.GetString() == "auto":
                return;
            case JsonValueKind.String when choice.GetString() == "required":
                throw fields.Unsupported("tool_choice", "tool_choice 'required' is not supported by this server yet; 'auto' and 'none' are.");
            case JsonValueKind.Object when NameOf(choice) is { } name:
                throw list.EnumerateArray().Any(tool => NameOf(tool) == name)
                    ? fields.Unsupported("tool_choice", "A named tool_choice is not supported by this server yet; 'auto' and 'none' are.")
                    : fields.Refusal("tool_choice", $"tool_choice names '{name}', which is not among the tools.");
            default:
                throw fields.Wrong("tool_choice", "none, auto, required or {\"type\":\"function\",\"function\":{\"name\":...}}", choice);
        }
    }

    private static string? NameOf(JsonElement tool) =>
        tool.ValueKind == JsonValueKind.Object
        && tool.TryGetProperty("type", out JsonElement type) && type.ValueKind == JsonValueKind.String && type.GetString() == "function"
        && tool.TryGetProperty("function", out JsonElement function) && function.ValueKind == JsonValueKind.Object
        && function.TryGetProperty("name", out JsonElement name) && name.ValueKind == JsonValueKind.String && name.GetString() is { Length: > 0 } text
            ? text
            : null;
}
