using System.Globalization;
using System.Text.Json;
using KServePaged.Predictor.Configuration;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenInference;

/// <summary>How this server traces, in Triton's words. The command line decides it: a change is refused unless it says what holds.</summary>
/// <param name="traces">Null = not at all; what a caller sends as traceparent comes back even so.</param>
internal sealed class TraceSettings(TracingOptions? traces) : ServerSettings
{
    public override JsonElement Values => JsonBuild.Element(writer =>
    {
        writer.WriteStartObject();
        writer.WriteStartArray("trace_level");
        writer.WriteStringValue(traces is null ? "OFF" : "TIMESTAMPS");
        writer.WriteEndArray();
        // One of so many requests; those whose caller decides are not counted.
        double ratio = traces?.Ratio ?? 0;
        writer.WriteString("trace_rate", (ratio > 0 ? Math.Round(1 / ratio) : 0).ToString(CultureInfo.InvariantCulture));
        writer.WriteString("trace_count", traces is null ? "0" : "-1");
        writer.WriteString("log_frequency", "0");
        writer.WriteString("trace_file", "");
        if (traces is not null)
        {
            writer.WriteString("trace_mode", "opentelemetry");
        }
        writer.WriteEndObject();
    });

    public override void Apply(IReadOnlyList<(string Name, IReadOnlyList<string>? Wanted)> changes)
    {
        foreach ((string name, IReadOnlyList<string>? wanted) in changes)
        {
            RequireUnchanged(name, wanted, traces is null ? "this server does not trace requests" : "the server's start decides it");
        }
    }
}
