using System.Collections;

namespace KServePaged.Predictor.Configuration;

/// <summary>
/// The environment variables that KServe, Knative and vLLM's users set. Deliberately few: a Service called <c>kservepaged</c> makes
/// Kubernetes inject <c>KSERVEPAGED_PORT=tcp://…</c>, so options are never read from variables made of the product's name.
/// </summary>
internal sealed record ServerEnvironment
{
    private const string NamespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
    private const string DefaultTerminationMessagePath = "/dev/termination-log";

    /// <summary>PORT: where Knative expects the container to listen.</summary>
    public string? Port { get; init; }

    /// <summary>K_REVISION is in every pod of Knative's, and PORT then says where it sends requests and probes.</summary>
    public bool InKnative { get; init; }

    /// <summary>TERMINATION_MESSAGE_PATH: the pod's terminationMessagePath where that is not the default.</summary>
    public string TerminationMessagePath { get; init; } = DefaultTerminationMessagePath;

    /// <summary>INFERENCE_SERVICE_NAME, set by KServe's controller; clients call the model by it.</summary>
    public string? ModelName { get; init; }

    /// <summary>VLLM_API_KEY: a key that does not show in the process list.</summary>
    public string? ApiKey { get; init; }

    /// <summary>MODEL_INIT_MODE=async: a modelcar links the model directory some time after our start.</summary>
    public bool ModelAppearsLate { get; init; }

    /// <summary>KUBERNETES_SERVICE_HOST is in every pod.</summary>
    public bool InKubernetes { get; init; }

    /// <summary>CE_MERGE, CE_TYPE and CE_SOURCE.</summary>
    public CloudEventOptions CloudEvents { get; init; } = new();

    /// <summary>HF_HOME and its like.</summary>
    public HubOptions Hub { get; init; } = HubOptions.Read(_ => null, inKubernetes: false);

    /// <summary>POD_NAMESPACE, else the namespace of the pod's service account.</summary>
    public string? Namespace { get; init; }

    /// <summary>A pod's host name is its name.</summary>
    public string? PodName { get; init; }

    /// <summary>OpenTelemetry's variables, OTEL_….</summary>
    public IReadOnlyDictionary<string, string> OpenTelemetry { get; init; } = new Dictionary<string, string>();

    public static ServerEnvironment Read() => new()
    {
        Namespace = Variable("POD_NAMESPACE") ?? (File.Exists(NamespaceFile) ? File.ReadAllText(NamespaceFile).Trim() : null),
        PodName = Environment.MachineName,
        OpenTelemetry = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
            .Where(entry => ((string)entry.Key).StartsWith("OTEL_", StringComparison.Ordinal))
            .ToDictionary(entry => (string)entry.Key, entry => (string?)entry.Value ?? ""),
        Port = Variable("PORT"),
        InKnative = Variable("K_REVISION") is not null,
        TerminationMessagePath = Variable("TERMINATION_MESSAGE_PATH") ?? DefaultTerminationMessagePath,
        ModelName = Variable("INFERENCE_SERVICE_NAME"),
        ApiKey = Variable("VLLM_API_KEY"),
        ModelAppearsLate = string.Equals(Variable("MODEL_INIT_MODE"), "async", StringComparison.OrdinalIgnoreCase),
        InKubernetes = Variable("KUBERNETES_SERVICE_HOST") is not null,
        Hub = HubOptions.Read(Variable, Variable("KUBERNETES_SERVICE_HOST") is not null),
        CloudEvents = new CloudEventOptions
        {
            Merge = string.Equals(Variable("CE_MERGE"), "true", StringComparison.OrdinalIgnoreCase),
            Type = Variable("CE_TYPE"),
            Source = Variable("CE_SOURCE"),
        },
    };

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
