using System.Text.Json;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenInference;

/// <summary>Settings that clients may read, and whose change they may ask for: it is refused, unless it says what holds already.</summary>
internal sealed class ServerSettings
{
    private readonly string _advice;

    private ServerSettings(string advice, JsonElement values)
    {
        _advice = advice;
        Values = values;
    }

    /// <summary>Requests are not traced by this server; what a caller sends as traceparent comes back.</summary>
    public static ServerSettings Trace { get; } = new("this server does not trace requests", JsonBuild.Element(writer =>
    {
        writer.WriteStartObject();
        writer.WriteStartArray("trace_level");
        writer.WriteStringValue("OFF");
        writer.WriteEndArray();
        writer.WriteString("trace_rate", "0");
        writer.WriteString("trace_count", "0");
        writer.WriteString("log_frequency", "0");
        writer.WriteString("trace_file", "");
        writer.WriteEndObject();
    }));

    /// <summary>An object: names to strings, numbers, booleans or lists of strings.</summary>
    public JsonElement Values { get; }

    public static ServerSettings Logging(LogLevel level) => new("the log is set by --log_level at the start", JsonBuild.Element(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("log_file", ""); // standard error
        writer.WriteBoolean("log_info", level <= LogLevel.Information);
        writer.WriteBoolean("log_warning", level <= LogLevel.Warning);
        writer.WriteBoolean("log_error", level <= LogLevel.Error);
        writer.WriteNumber("log_verbose_level", Math.Max(0, LogLevel.Information - level));
        writer.WriteString("log_format", "ISO8601");
        writer.WriteEndObject();
    }));

    /// <param name="wanted">The values asked for; null = the setting's default.</param>
    /// <exception cref="Engine.Contracts.RequestException">No such setting, or another value than it has.</exception>
    public void RequireUnchanged(string name, IReadOnlyList<string>? wanted)
    {
        if (!Values.TryGetProperty(name, out JsonElement value))
        {
            throw JsonFields.Invalid($"there is no setting '{name}'; there are {string.Join(", ", Values.EnumerateObject().Select(setting => setting.Name))}.", name);
        }
        if (wanted is not null && !wanted.SequenceEqual(TextsOf(value)))
        {
            throw JsonFields.Invalid($"'{name}' is '{string.Join(",", TextsOf(value))}' and cannot be changed: {_advice}.", name);
        }
    }

    /// <summary>A setting as texts, whatever its JSON type.</summary>
    public static IReadOnlyList<string> TextsOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array => [.. value.EnumerateArray().SelectMany(TextsOf)],
        JsonValueKind.String => [value.GetString()!], // the kind is String
        _ => [value.GetRawText()],
    };
}
