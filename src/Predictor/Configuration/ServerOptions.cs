using KServePaged.Engine.Configuration;

namespace KServePaged.Predictor.Configuration;

/// <summary>What the process is started with: the command line over the environment over the defaults.</summary>
internal sealed record ServerOptions
{
    public required EngineOptions Engine { get; init; }

    /// <summary>Directory of model directories; null = none.</summary>
    public string? RepositoryPath { get; init; }

    /// <summary>Models of the repository that are loaded at the start; null = all.</summary>
    public IReadOnlyList<string>? LoadModels { get; init; }

    /// <summary>What --model_id says: a model on the Hub or a directory; null = nothing.</summary>
    public string? ModelId { get; init; }

    /// <summary>Branch, tag or commit of the model on the Hub; null = its default.</summary>
    public string? ModelRevision { get; init; }

    /// <summary>Revision of its tokenizer; there is one only where it is the model's.</summary>
    public string? TokenizerRevision { get; init; }

    /// <summary>The model to download; null = it is in a directory.</summary>
    public HubReference? HubModel { get; init; }

    public HubOptions Hub { get; init; } = new();

    /// <summary>Public names behind which models of the repository stand.</summary>
    public IReadOnlyList<VariantOption> Variants { get; init; } = [];

    /// <summary>Whether a model is named beside those of the repository.</summary>
    public bool HasOwnModel => Engine.ModelPath.Length > 0 || HubModel is not null;

    /// <summary>Names the model answers to; the first is the one in responses.</summary>
    public IReadOnlyList<string> ModelNames { get; init; } = [];

    /// <summary>An IP address, <c>localhost</c>, or <c>*</c> for every address of both families.</summary>
    public string? Host { get; init; }

    public int Port { get; init; } = 8080;

    /// <summary>A second port, for callers that expect gRPC on its own; 0 = none.</summary>
    public int GrpcPort { get; init; }

    /// <summary>PEM file of the certificate and its chain; null = cleartext.</summary>
    public string? CertificatePath { get; init; }

    /// <summary>PEM file of the certificate's key; null = it is in the file of the certificate.</summary>
    public string? KeyPath { get; init; }

    /// <summary>Keys of which a caller must present one; empty = open to all.</summary>
    public IReadOnlyList<string> ApiKeys { get; init; } = [];

    /// <summary>Largest request body in bytes.</summary>
    public long MaxBodyBytes { get; init; } = 32L << 20;

    /// <summary>Whether the usage of OpenAI answers tells how many prompt tokens were found in the cache.</summary>
    public bool PromptTokensDetails { get; init; }

    /// <summary>How long a request that arrives while the models of the start are loading waits for them.</summary>
    public TimeSpan LoadWait { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long after SIGTERM requests are still taken, while readiness already fails: balancers notice late. Part of <see cref="ShutdownTimeout"/>.</summary>
    public TimeSpan? ShutdownDelay { get; init; }

    /// <summary>How long after SIGTERM running requests may take to end. Below Kubernetes' default grace of 30 s.</summary>
    public TimeSpan ShutdownTimeout { get; init; } = TimeSpan.FromSeconds(25);

    /// <summary>How long the model directory may take to appear: a modelcar links it after our start.</summary>
    public TimeSpan ModelWait { get; init; }

    /// <summary>Serves the models that Triton's client examples need, and calls the server as they expect it.</summary>
    public bool TestModels { get; init; }

    public CloudEventOptions CloudEvents { get; init; } = new();

    public LogOptions Log { get; init; } = new();

    /// <summary>The collector as the command line names it; what is done with it is in <see cref="Traces"/>.</summary>
    public string? TracesEndpoint { get; init; }

    /// <summary>Null = requests are not traced.</summary>
    public TracingOptions? Traces { get; init; }

    public InferenceLogOptions InferenceLog { get; init; } = new();

    /// <summary>Where Kubernetes reads why the container ended, if the file is there; null = nowhere.</summary>
    public string? TerminationMessagePath { get; init; }

    /// <summary>True when no model was named and the embedded one is served.</summary>
    public bool IsDemo { get; init; }
}
