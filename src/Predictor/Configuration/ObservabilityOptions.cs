using System.Globalization;
using static KServePaged.Predictor.Configuration.CommandLineTable;

namespace KServePaged.Predictor.Configuration;

/// <summary>The part of the command line's table that says what the server tells of itself.</summary>
internal static class ObservabilityOptions
{
    private const string Group = "Logs and traces";

    public static IReadOnlyList<CommandLineOption> All { get; } =
    [
        One(Group, "log_level", "LEVEL", "Least severe message logged: trace, debug, info, warning or error.",
            (o, v) => Log(o, l => l with { Level = Level(v) }), o => o.Log.Level == LogLevel.Information ? "info" : o.Log.Level.ToString().ToLowerInvariant()),
        One(Group, "log_format", "FORMAT", "Form of the log on standard error: text, or json with one object a line.",
            (o, v) => Log(o, l => l with { IsJson = OptionValues.Choice(v, "text", "json") == "json" }), o => o.Log.IsJson ? "json" : "text"),
        Switch(Group, "enable_log_requests log_requests", "Log one line for each request when it has ended: status, times, tokens; no contents. Probes and scrapes are left out.",
            (o, v) => Log(o, l => l with { Requests = v }), o => o.Log.Requests),
        Switch(Group, "log_request_contents", "Log prompts and outputs too.",
            (o, v) => Log(o, l => l with { RequestContents = v }), o => o.Log.RequestContents),
        One(Group, "max_log_len", "CHARACTERS", "Most characters of a prompt, and of its outputs, in the log.",
            (o, v) => Log(o, l => l with { MaxContentLength = (int)OptionValues.Integer(v, 0, 1 << 20) }), o => o.Log.MaxContentLength.ToString(CultureInfo.InvariantCulture)),
        One(Group, "otlp_traces_endpoint", "URL",
            "Collector that gets traces over OTLP: gRPC, or HTTP where the port is 4318, the URL has a path or OTEL_EXPORTER_OTLP_PROTOCOL says so. Also OTEL_EXPORTER_OTLP_ENDPOINT.",
            (o, v) => o with { TracesEndpoint = TraceEnvironment.Address(v) is { } ? v : throw new FormatException("an http or https address") },
            o => o.TracesEndpoint is { } text ? Shown(TraceEnvironment.Address(text)) : Shown(o.Traces?.Endpoint)),
        One(Group, "inference_log_url", "URL", "Sink that every request and answer is posted to as a CloudEvent, with KServe's types and attributes.",
            (o, v) => Inference(o, i => i with { Url = Sink(v) }), o => Shown(o.InferenceLog.Url)),
        One(Group, "inference_log_mode", "MODE", "What is posted: all, request or response.",
            (o, v) => Inference(o, i => i with { Mode = Enum.Parse<InferenceLogMode>(OptionValues.Choice(v, "all", "request", "response"), ignoreCase: true) }),
            o => o.InferenceLog.Mode.ToString().ToLowerInvariant()),
        One(Group, "inference_log_max_event_size", "SIZE", "Largest request or answer that is posted with its content; a larger one comes without.",
            (o, v) => Inference(o, i => i with { MaxEventBytes = OptionValues.Bytes(v) }), o => OptionValues.ShowBytes(o.InferenceLog.MaxEventBytes)),
        One(Group, "inference_log_endpoint", "NAME", "The events' attribute 'endpoint': which variant of the service this is.",
            (o, v) => Inference(o, i => i with { Endpoint = v }), o => o.InferenceLog.Endpoint),
    ];

    private static ServerOptions Log(ServerOptions options, Func<LogOptions, LogOptions> change) => options with { Log = change(options.Log) };

    private static ServerOptions Inference(ServerOptions options, Func<InferenceLogOptions, InferenceLogOptions> change) =>
        options with { InferenceLog = change(options.InferenceLog) };

    private static Uri Sink(string text) => Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) && uri.Scheme is "http" or "https"
        ? uri
        : throw new FormatException("an http or https address");

    // An address may carry a password.
    private static string? Shown(Uri? address) => address is null ? null
        : address.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped);

    private static LogLevel Level(string text) => text.ToLowerInvariant() switch
    {
        "trace" => LogLevel.Trace,
        "debug" => LogLevel.Debug,
        "info" or "information" => LogLevel.Information,
        "warn" or "warning" => LogLevel.Warning,
        "error" or "critical" => LogLevel.Error,
        _ => throw new FormatException("one of trace, debug, info, warning, error"),
    };
}
