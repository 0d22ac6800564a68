using System.Diagnostics;
using KServePaged.Predictor.Configuration;
using KServePaged.Predictor.Telemetry.Requests;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace KServePaged.Predictor.Telemetry.Traces;

/// <summary>Spans of requests, exported over OTLP. Off, it begins none and costs nothing.</summary>
internal sealed class Tracing : IDisposable
{
    public const string SourceName = "KServePaged";

    // A pod has 30 s to end, and the drain may take most of them.
    private const int FlushMilliseconds = 2000;
    private const int ExportTimeoutMilliseconds = 5000;

    private readonly ActivitySource? _source;
    private readonly TracerProvider? _provider;

    public Tracing(ServerOptions server, TelemetryLosses losses, string version)
    {
        if (server.Traces is not { } options)
        {
            return;
        }
        _source = new ActivitySource(SourceName, version);
        var queue = new SpanQueue(new CountedExporter(Exporter(options), losses), losses);
        // An empty resource: the default one would read the environment by itself.
        _provider = Sdk.CreateTracerProviderBuilder()
            .AddSource(SourceName)
            .SetSampler(Sampler(options))
            .SetResourceBuilder(ResourceBuilder.CreateEmpty()
                .AddAttributes(options.Attributes.Select(pair => new KeyValuePair<string, object>(pair.Key, pair.Value)))
                .AddService(options.ServiceName, serviceVersion: version))
            .AddProcessor(queue)
            .Build();
    }

    public bool IsOn => _source is not null;

    /// <summary>Begins the span of a request; the caller of this ends it.</summary>
    /// <param name="caller">The caller's span; null = the trace begins here.</param>
    /// <returns>Null when requests are not traced.</returns>
    public Activity? Begin(ActivityContext? caller)
    {
        if (_source is null)
        {
            return null;
        }
        Activity.Current = null; // Kestrel's own span, which nobody exports, must not become the parent
        return _source.StartActivity("request", ActivityKind.Server, caller ?? default);
    }

    /// <summary>Writes a generation that has ended.</summary>
    /// <param name="parent">The span of its request.</param>
    public void Write(GenerationRecord record, ActivityContext? parent)
    {
        if (_source is not null && parent is { } span && span.TraceFlags.HasFlag(ActivityTraceFlags.Recorded))
        {
            GenerationSpans.Write(_source, record, span);
        }
    }

    /// <summary>Sends what is queued, for as long as a stop may take.</summary>
    public void Flush() => _provider?.ForceFlush(FlushMilliseconds);

    public void Dispose()
    {
        _provider?.Shutdown(FlushMilliseconds);
        _provider?.Dispose();
        _source?.Dispose();
    }

    private static OtlpExporterOptions Exporter(TracingOptions options) => new()
    {
        Endpoint = options.Endpoint,
        Protocol = options.IsGrpc ? OtlpExportProtocol.Grpc : OtlpExportProtocol.HttpProtobuf,
        Headers = options.Headers.Length > 0 ? options.Headers : null,
        TimeoutMilliseconds = ExportTimeoutMilliseconds,
    };

    private static Sampler Sampler(TracingOptions options)
    {
        Sampler own = options.Ratio switch
        {
            >= 1 => new AlwaysOnSampler(),
            <= 0 => new AlwaysOffSampler(),
            double ratio => new TraceIdRatioBasedSampler(ratio),
        };
        return options.FollowsCaller ? new ParentBasedSampler(own) : own;
    }
}
