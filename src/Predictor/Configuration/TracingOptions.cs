namespace KServePaged.Predictor.Configuration;

/// <summary>Where and how requests are traced.</summary>
internal sealed record TracingOptions
{
    /// <summary>Of the collector; for HTTP with its path.</summary>
    public required Uri Endpoint { get; init; }

    /// <summary>OTLP over gRPC; false = protobuf over HTTP.</summary>
    public required bool IsGrpc { get; init; }

    /// <summary>Headers for the collector, as OTEL_EXPORTER_OTLP_HEADERS spells them. They hold secrets.</summary>
    public string Headers { get; init; } = "";

    public string ServiceName { get; init; } = "kservepaged";

    /// <summary>Attributes of the resource.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Attributes { get; init; } = [];

    /// <summary>Share of the traces begun here that are recorded, 0 … 1.</summary>
    public double Ratio { get; init; } = 1;

    /// <summary>A caller's own decision counts where it made one.</summary>
    public bool FollowsCaller { get; init; } = true;
}
