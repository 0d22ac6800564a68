using System.Text.Json;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Transport;
using Microsoft.Extensions.Primitives;

namespace KServePaged.Predictor.Protocols.KServeV1.CloudEvents;

/// <summary>Tells an event from a plain request, and reads it in either mode.</summary>
internal static class CloudEventReader
{
    public const string StructuredType = "application/cloudevents+json";

    private const string Family = "application/cloudevents";
    private const string Data = "data";
    private const string DataBase64 = "data_base64";
    private const string Version = "1.0";

    private static readonly string[] Required = ["specversion", "id", "source", "type"];

    // ce-id alone makes no event: proxies stamp requests with it.
    private static readonly string[] Telling = ["ce-specversion", "ce-source", "ce-type"];

    /// <returns>Null when the request is no event.</returns>
    /// <exception cref="RequestException">An attribute is missing or no attribute, or the data is no JSON.</exception>
    /// <exception cref="BadHttpRequestException">415: a batch, or a format that is not JSON.</exception>
    public static CloudEvent? Read(IHeaderDictionary headers, ReadOnlyMemory<byte> body)
    {
        string type = headers.ContentType.ToString().Split(';')[0].Trim();
        if (type.Equals(StructuredType, StringComparison.OrdinalIgnoreCase))
        {
            return ReadStructured(JsonBody.Parse(body));
        }
        if (type.StartsWith(Family, StringComparison.OrdinalIgnoreCase))
        {
            throw new BadHttpRequestException(
                $"Content-Type '{type}' is not read here: send one event, binary or as {StructuredType}.", StatusCodes.Status415UnsupportedMediaType);
        }
        return Telling.Any(headers.ContainsKey) ? ReadBinary(headers, body) : null;
    }

    private static CloudEvent ReadBinary(IHeaderDictionary headers, ReadOnlyMemory<byte> body)
    {
        var attributes = new Dictionary<string, string>();
        foreach ((string header, StringValues values) in headers)
        {
            if (!header.StartsWith(AttributeHeader.Prefix, StringComparison.OrdinalIgnoreCase))
            {
                continue;
            }
            string name = RequireName(header[AttributeHeader.Prefix.Length..].ToLowerInvariant());
            attributes[name] = values is [{ } value]
                ? AttributeHeader.Decode(value)
                : throw JsonFields.Invalid($"the header {header} is given more than once.", name);
        }
        return new CloudEvent(CloudEventMode.Binary, RequireComplete(attributes), JsonBody.Parse(body));
    }

    private static CloudEvent ReadStructured(JsonElement envelope)
    {
        JsonFields.RequireObject(envelope, "the request, a structured CloudEvent,");
        var attributes = new Dictionary<string, string>();
        foreach (JsonProperty member in envelope.EnumerateObject())
        {
            if (member.Name is not (Data or DataBase64) && member.Value.ValueKind != JsonValueKind.Null)
            {
                attributes[RequireName(member.Name)] = TextOf(member);
            }
        }
        return new CloudEvent(CloudEventMode.Structured, RequireComplete(attributes), ReadData(envelope));
    }

    private static JsonElement ReadData(JsonElement envelope)
    {
        bool hasData = envelope.TryGetProperty(Data, out JsonElement data);
        bool hasBase64 = envelope.TryGetProperty(DataBase64, out JsonElement base64);
        if (hasData == hasBase64)
        {
            throw JsonFields.Invalid($"a CloudEvent has its request in '{Data}' or in '{DataBase64}'; this one has {(hasData ? "both" : "neither")}.", Data);
        }
        if (hasData)
        {
            return data;
        }
        return base64.ValueKind == JsonValueKind.String && base64.TryGetBytesFromBase64(out byte[]? bytes)
            ? JsonBody.Parse(bytes)
            : throw JsonFields.Invalid($"'{DataBase64}' must be a string in base64.", DataBase64);
    }

    private static string TextOf(JsonProperty attribute) => attribute.Value.ValueKind switch
    {
        JsonValueKind.String => JsonFields.StringOf(attribute.Value, attribute.Name),
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        JsonValueKind.Number when attribute.Value.TryGetInt32(out int number) => number.ToString(System.Globalization.CultureInfo.InvariantCulture),
        _ => throw JsonFields.Invalid($"the CloudEvent's attribute '{attribute.Name}' must be a string, a boolean or a 32-bit whole number.", attribute.Name),
    };

    private static string RequireName(string name) => name.Length > 0 && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c))
        ? name
        : throw JsonFields.Invalid($"'{name}' is no name of a CloudEvent's attribute: those are of lower-case letters and digits.", name);

    private static Dictionary<string, string> RequireComplete(Dictionary<string, string> attributes)
    {
        foreach (string name in Required.Where(name => !attributes.TryGetValue(name, out string? value) || value.Length == 0))
        {
            throw JsonFields.Invalid($"the CloudEvent has no '{name}'.", name);
        }
        return attributes["specversion"] == Version
            ? attributes
            : throw JsonFields.Invalid($"the CloudEvent's specversion must be {Version}, not '{attributes["specversion"]}'.", "specversion");
    }
}
