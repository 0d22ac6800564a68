using System.Globalization;

namespace KServePaged.Predictor.Configuration;

/// <summary>The option and OpenTelemetry's own variables to <see cref="TracingOptions"/>.</summary>
internal static class TraceEnvironment
{
    private const string TracesPath = "v1/traces";
    private const int HttpPort = 4318;

    /// <param name="endpoint">What the command line says; null = nothing.</param>
    /// <param name="variables">Every variable that begins with OTEL_.</param>
    /// <param name="service">Name of the service where OpenTelemetry's variables name none.</param>
    /// <returns>Null where nothing asks for traces.</returns>
    /// <exception cref="UsageException">A variable cannot be followed.</exception>
    public static TracingOptions? Read(string? endpoint, IReadOnlyDictionary<string, string> variables, string? service)
    {
        string? Variable(string name) => variables.TryGetValue(name, out string? value) && value.Length > 0 ? value : null;
        if (Variable("OTEL_SDK_DISABLED")?.ToLowerInvariant() == "true" || Variable("OTEL_TRACES_EXPORTER") == "none")
        {
            return null;
        }
        // An address for all signals gets the path of traces appended; one for traces alone is taken as it is.
        string? ofTraces = endpoint ?? Variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
        if ((ofTraces ?? Variable("OTEL_EXPORTER_OTLP_ENDPOINT")) is not { } text)
        {
            return null;
        }
        Uri uri = Address(text) ?? throw new UsageException($"OTEL_EXPORTER_OTLP_ENDPOINT '{text}' cannot be used: it takes an http or https address.");
        bool isGrpc = IsGrpc(uri, Variable("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") ?? Variable("OTEL_EXPORTER_OTLP_PROTOCOL"));
        (double ratio, bool follows) = Sampling(Variable("OTEL_TRACES_SAMPLER") ?? "parentbased_always_on", Variable("OTEL_TRACES_SAMPLER_ARG"));
        IReadOnlyList<KeyValuePair<string, string>> attributes = Pairs(Variable("OTEL_RESOURCE_ATTRIBUTES") ?? "");
        string? named = attributes.FirstOrDefault(pair => pair.Key == "service.name").Value;
        return new TracingOptions
        {
            Endpoint = isGrpc || (ofTraces is not null && uri.AbsolutePath.Length > 1) ? uri : new Uri(uri.ToString().TrimEnd('/') + "/" + TracesPath),
            IsGrpc = isGrpc,
            Headers = Variable("OTEL_EXPORTER_OTLP_TRACES_HEADERS") ?? Variable("OTEL_EXPORTER_OTLP_HEADERS") ?? "",
            ServiceName = Variable("OTEL_SERVICE_NAME") ?? named ?? service ?? "kservepaged",
            Attributes = [.. attributes.Where(pair => pair.Key != "service.name")],
            Ratio = ratio,
            FollowsCaller = follows,
        };
    }

    /// <summary>"http://otel-collector:4317", "otel-collector:4317" or "grpc://otel-collector:4317"; null where it is none.</summary>
    public static Uri? Address(string text)
    {
        string full = text.Contains("://", StringComparison.Ordinal) ? text : "http://" + text;
        full = full.StartsWith("grpc://", StringComparison.OrdinalIgnoreCase) ? "http" + full["grpc".Length..] : full;
        return Uri.TryCreate(full, UriKind.Absolute, out Uri? uri) && uri.Scheme is "http" or "https" && uri.Host.Length > 0 ? uri : null;
    }

    private static bool IsGrpc(Uri uri, string? protocol) => protocol switch
    {
        null => uri.Port != HttpPort && uri.AbsolutePath.Length <= 1,
        "grpc" => true,
        "http/protobuf" => false,
        _ => throw new UsageException($"OTEL_EXPORTER_OTLP_PROTOCOL '{protocol}' cannot be used: it takes one of grpc, http/protobuf."),
    };

    private static (double Ratio, bool FollowsCaller) Sampling(string sampler, string? argument)
    {
        const string Prefix = "parentbased_";
        bool follows = sampler.StartsWith(Prefix, StringComparison.Ordinal);
        return (follows ? sampler[Prefix.Length..] : sampler) switch
        {
            "always_on" => (1, follows),
            "always_off" => (0, follows),
            "traceidratio" => (Ratio(argument ?? "1"), follows),
            _ => throw new UsageException(
                $"OTEL_TRACES_SAMPLER '{sampler}' cannot be used: it takes one of always_on, always_off, traceidratio, each also with parentbased_ before it."),
        };
    }

    private static double Ratio(string text)
    {
        try
        {
            return OptionValues.Fraction(text, 0, 1);
        }
        catch (FormatException e)
        {
            throw new UsageException($"OTEL_TRACES_SAMPLER_ARG '{text}' cannot be used: it takes {e.Message}.");
        }
    }

    private static List<KeyValuePair<string, string>> Pairs(string text)
    {
        var pairs = new List<KeyValuePair<string, string>>();
        foreach (string pair in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            int equals = pair.IndexOf('=', StringComparison.Ordinal);
            pairs.Add(equals > 0
                ? new(pair[..equals].Trim(), Uri.UnescapeDataString(pair[(equals + 1)..].Trim()))
                : throw new UsageException(string.Create(CultureInfo.InvariantCulture, $"OTEL_RESOURCE_ATTRIBUTES '{text}' cannot be used: it takes name=value pairs with commas between.")));
        }
        return pairs;
    }
}
