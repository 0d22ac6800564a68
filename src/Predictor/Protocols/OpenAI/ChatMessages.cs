using System.Text.Json;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenAI;

/// <summary>
/// Checks <c>messages</c> and brings them into the form that chat templates are written for: content is text, the arguments of an
/// earlier tool call are an object, and <c>developer</c>, OpenAI's newer name for it, is <c>system</c>. Everything else in a message goes to the template as it came.
/// </summary>
internal static class ChatMessages
{
    public static JsonElement Take(RequestFields fields)
    {
        JsonElement messages = fields.Json("messages", JsonValueKind.Array) ?? throw fields.Refusal("messages", "messages are missing.");
        if (messages.GetArrayLength() == 0)
        {
            throw fields.Refusal("messages", "messages must hold at least one message.");
        }
        bool asTheyCame = true;
        int index = 0;
        foreach (JsonElement message in messages.EnumerateArray())
        {
            asTheyCame &= Check(fields, message, $"messages[{index++}]");
        }
        return asTheyCame ? messages : JsonBuild.Element(json => Rewrite(json, messages));
    }

    /// <returns>Whether the message can go to the template unchanged.</returns>
    private static bool Check(RequestFields fields, JsonElement message, string name)
    {
        if (message.ValueKind != JsonValueKind.Object)
        {
            throw fields.Wrong(name, "an object", message);
        }
        if (!message.TryGetProperty("role", out JsonElement role))
        {
            throw fields.Refusal($"{name}.role", $"{name}.role is missing.");
        }
        if (role.ValueKind != JsonValueKind.String)
        {
            throw fields.Wrong($"{name}.role", "a string", role);
        }
        bool isDeveloper = role.GetString() == "developer";
        bool hasCalls = message.TryGetProperty("tool_calls", out JsonElement calls) && calls.ValueKind != JsonValueKind.Null;
        if (hasCalls)
        {
            CheckToolCalls(fields, calls, $"{name}.tool_calls");
        }
        if (!message.TryGetProperty("content", out JsonElement content))
        {
            return !hasCalls && !isDeveloper;
        }
        switch (content.ValueKind)
        {
            case JsonValueKind.String:
            case JsonValueKind.Null when role.GetString() == "assistant":
                return !hasCalls && !isDeveloper;
            case JsonValueKind.Array:
                int part = 0;
                foreach (JsonElement item in content.EnumerateArray())
                {
                    CheckPart(fields, item, $"{name}.content[{part++}]");
                }
                return false;
            default:
                throw fields.Wrong($"{name}.content", "a string or a list of parts", content);
        }
    }

    private static void CheckPart(RequestFields fields, JsonElement part, string name)
    {
        string? type = part.ValueKind == JsonValueKind.Object && part.TryGetProperty("type", out JsonElement value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : throw fields.Wrong(name, "an object with a type", part);
        switch (type)
        {
            case "text" or "refusal" when part.TryGetProperty(type, out JsonElement text) && text.ValueKind == JsonValueKind.String:
                return;
            case "text" or "refusal":
                throw fields.Refusal($"{name}.{type}", $"{name}.{type} must be a string.");
            case "image_url" or "input_audio" or "audio_url" or "video_url" or "file":
                throw fields.Unsupported(name, $"{name} has the type '{type}'; this model takes text only.");
            default:
                throw fields.Refusal($"{name}.type", $"{name}.type must be text, not '{type}'.");
        }
    }

    private static void CheckToolCalls(RequestFields fields, JsonElement calls, string name)
    {
        if (calls.ValueKind != JsonValueKind.Array)
        {
            throw fields.Wrong(name, "a list", calls);
        }
        int index = 0;
        foreach (JsonElement call in calls.EnumerateArray())
        {
            if (call.ValueKind != JsonValueKind.Object || !call.TryGetProperty("function", out JsonElement function)
                || function.ValueKind != JsonValueKind.Object || !function.TryGetProperty("name", out JsonElement called) || called.ValueKind != JsonValueKind.String)
            {
                throw fields.Wrong($"{name}[{index}]", "an object with a function that has a name", call);
            }
            index++;
        }
    }

    private static void Rewrite(Utf8JsonWriter json, JsonElement messages)
    {
        json.WriteStartArray();
        foreach (JsonElement message in messages.EnumerateArray())
        {
            json.WriteStartObject();
            foreach (JsonProperty property in message.EnumerateObject())
            {
                switch (property.Name)
                {
                    case "role" when property.Value.GetString() == "developer":
                        json.WriteString("role", "system");
                        break;
                    case "content" when property.Value.ValueKind == JsonValueKind.Array:
                        json.WriteString("content", JoinParts(property.Value));
                        break;
                    case "tool_calls" when property.Value.ValueKind == JsonValueKind.Array:
                        WriteToolCalls(json, property.Value);
                        break;
                    default:
                        property.WriteTo(json);
                        break;
                }
            }
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static string JoinParts(JsonElement parts) => string.Join(
        '\n', parts.EnumerateArray().Select(part => part.GetProperty(part.GetProperty("type").GetString()!).GetString()));

    private static void WriteToolCalls(Utf8JsonWriter json, JsonElement calls)
    {
        json.WriteStartArray("tool_calls");
        foreach (JsonElement call in calls.EnumerateArray())
        {
            json.WriteStartObject();
            foreach (JsonProperty property in call.EnumerateObject())
            {
                if (property.Name == "function")
                {
                    WriteFunction(json, property.Value);
                }
                else
                {
                    property.WriteTo(json);
                }
            }
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    /// <summary>On the wire arguments are JSON inside a string; templates loop over them or write them with tojson.</summary>
    private static void WriteFunction(Utf8JsonWriter json, JsonElement function)
    {
        json.WriteStartObject("function");
        bool hasArguments = false;
        foreach (JsonProperty property in function.EnumerateObject())
        {
            if (property.Name == "arguments")
            {
                hasArguments = true;
                json.WritePropertyName("arguments");
                if (property.Value.ValueKind == JsonValueKind.String && TryParseObject(property.Value.GetString()!) is { } arguments) // a string has a text
                {
                    arguments.WriteTo(json);
                }
                else if (property.Value.ValueKind is JsonValueKind.Null || property.Value is { ValueKind: JsonValueKind.String } text && text.GetString()!.Length == 0)
                {
                    WriteEmptyObject(json);
                }
                else
                {
                    property.Value.WriteTo(json);
                }
            }
            else
            {
                property.WriteTo(json);
            }
        }
        if (!hasArguments)
        {
            json.WritePropertyName("arguments");
            WriteEmptyObject(json);
        }
        json.WriteEndObject();
    }

    private static void WriteEmptyObject(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteEndObject();
    }

    /// <returns>The object, or null when the text is something else; a model's own broken call is shown to it as it was.</returns>
    private static JsonElement? TryParseObject(string text)
    {
        try
        {
            JsonElement value = JsonBody.Parse(System.Text.Encoding.UTF8.GetBytes(text));
            return value.ValueKind == JsonValueKind.Object ? value : null;
        }
        catch (RequestException)
        {
            return null;
        }
    }
}
