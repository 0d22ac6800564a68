using System.Text.Json;
using KServePaged.Engine.Contracts;

namespace KServePaged.Predictor.Transport;

/// <summary>Typed access to the fields of a request body. An absent field and an explicit null are the same.</summary>
internal static class JsonFields
{
    public static RequestException Invalid(string message, string? field = null) => new(EngineErrorCode.InvalidArgument, message, field);

    public static void RequireObject(JsonElement element, string place)
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            throw Invalid($"{place} must be a JSON object.", place.Trim('\''));
        }
    }

    public static void RefuseUnknown(JsonElement element, string[] known, string place)
    {
        foreach (JsonProperty property in element.EnumerateObject())
        {
            if (!known.Contains(property.Name))
            {
                throw Invalid($"{place}: unknown field '{property.Name}'; known are {string.Join(", ", known)}.", property.Name);
            }
        }
    }

    public static string? Text(JsonElement element, string field)
    {
        if (!element.TryGetProperty(field, out JsonElement value) || value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }
        return value.ValueKind == JsonValueKind.String ? StringOf(value, field) : throw Invalid($"'{field}' must be a string.", field);
    }

    public static bool? Boolean(JsonElement element, string field)
    {
        if (!element.TryGetProperty(field, out JsonElement value) || value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }
        return value.ValueKind is JsonValueKind.True or JsonValueKind.False
            ? value.GetBoolean()
            : throw Invalid($"'{field}' must be true or false.", field);
    }

    /// <summary>An object whose values are strings, numbers or booleans, as the protocol defines parameters.</summary>
    public static IReadOnlyDictionary<string, JsonElement> Parameters(JsonElement element, string field)
    {
        var parameters = new Dictionary<string, JsonElement>();
        if (!element.TryGetProperty(field, out JsonElement value) || value.ValueKind == JsonValueKind.Null)
        {
            return parameters;
        }
        RequireObject(value, $"'{field}'");
        foreach (JsonProperty property in value.EnumerateObject())
        {
            parameters[property.Name] = property.Value;
        }
        return parameters;
    }

    /// <summary>Parses JSON that arrived inside a string.</summary>
    public static JsonElement ParseText(string json, string field)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 100 });
            return document.RootElement.Clone();
        }
        catch (JsonException exception)
        {
            throw new RequestException(EngineErrorCode.InvalidArgument, $"'{field}' is not valid JSON: {exception.Message}", field, exception);
        }
    }

    /// <summary>The text of a JSON string; an escape that is no character (half a surrogate pair) is the caller's fault.</summary>
    public static string StringOf(JsonElement value, string field)
    {
        try
        {
            return value.GetString()!; // the kind is String
        }
        catch (InvalidOperationException exception)
        {
            throw new RequestException(EngineErrorCode.InvalidArgument, $"'{field}' is not valid Unicode text.", field, exception);
        }
    }
}
