using System.Text.Json;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenInference;

/// <summary>Requests are not traced by this server; what a caller sends as traceparent comes back. A change is refused unless it says what holds.</summary>
internal sealed class TraceSettings : ServerSettings
{
    public static TraceSettings Instance { get; } = new();

    public override JsonElement Values { get; } = JsonBuild.Element(writer =>
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
    });

    public override void Apply(IReadOnlyList<(string Name, IReadOnlyList<string>? Wanted)> changes)
    {
        foreach ((string name, IReadOnlyList<string>? wanted) in changes)
        {
            RequireUnchanged(name, wanted, "this server does not trace requests");
        }
    }
}
