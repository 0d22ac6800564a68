namespace KServePaged.Predictor.Configuration;

/// <summary>
/// The environment variables that KServe, Knative and vLLM's users set. Deliberately few: a Service called <c>kservepaged</c> makes
/// Kubernetes inject <c>KSERVEPAGED_PORT=tcp://…</c>, so options are never read from variables made of the product's name.
/// </summary>
internal sealed record ServerEnvironment
{
    /// <summary>PORT: where Knative expects the container to listen.</summary>
    public string? Port { get; init; }

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

    public static ServerEnvironment Read() => new()
    {
        Port = Variable("PORT"),
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
