using System.Globalization;
using System.Text.Json;
using KServePaged.Predictor.Configuration;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.KServeV1.CloudEvents;

/// <summary>The answer to an event: an event in the same mode, with the attributes that KServe's server gives it.</summary>
internal static class CloudEventReply
{
    // They belong to the request or its data; the rest may be merged.
    private static readonly string[] OfRequest = ["specversion", "id", "source", "type", "time", "datacontenttype", "dataschema"];

    public static IReadOnlyList<(string Name, string Value)> Attributes(CloudEvent request, string model, CloudEventOptions options, DateTimeOffset now) =>
    [
        ("specversion", "1.0"),
        ("id", Guid.NewGuid().ToString()),
        ("source", options.Source ?? $"io.kserve.inference.{model}"),
        ("type", options.Type ?? "io.kserve.inference.response"),
        ("time", now.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture)),
        .. options.Merge
            ? request.Attributes.Where(attribute => !OfRequest.Contains(attribute.Key)).Select(attribute => (attribute.Key, attribute.Value))
            : [],
    ];

    /// <param name="writeData">Writes one JSON value.</param>
    public static Task WriteAsync(
        HttpContext context, CloudEventMode mode, IReadOnlyList<(string Name, string Value)> attributes, Action<Utf8JsonWriter> writeData)
    {
        if (mode == CloudEventMode.Structured)
        {
            return JsonReply.WriteAsync(context, json => WriteEnvelope(json, attributes, writeData), CloudEventReader.StructuredType);
        }
        foreach ((string name, string value) in attributes)
        {
            context.Response.Headers[AttributeHeader.Prefix + name] = AttributeHeader.Encode(value);
        }
        return JsonReply.WriteAsync(context, writeData);
    }

    private static void WriteEnvelope(Utf8JsonWriter json, IReadOnlyList<(string Name, string Value)> attributes, Action<Utf8JsonWriter> writeData)
    {
        json.WriteStartObject();
        foreach ((string name, string value) in attributes)
        {
            json.WriteString(name, value);
        }
        json.WritePropertyName("data");
        writeData(json);
        json.WriteEndObject();
    }
}
