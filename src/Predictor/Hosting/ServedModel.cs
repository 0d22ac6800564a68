using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using KServePaged.Engine;
using KServePaged.Engine.Contracts;

namespace KServePaged.Predictor.Hosting;

/// <summary>A model under its names, from before it is loaded until after it has drained. Protocols ask it for the engine.</summary>
internal sealed class ServedModel(IReadOnlyList<string> names, TimeProvider clock)
{
    private volatile ILlmEngine? _engine;

    public IReadOnlyList<string> Names => names;

    /// <summary>The name in responses.</summary>
    public string Name => names[0];

    public DateTimeOffset CreatedAt { get; } = clock.GetUtcNow();

    public HealthState Health { get; } = new(clock);

    /// <summary>The engine once it is loaded, whether or not it takes requests; for metadata and metrics. Null before.</summary>
    public ILlmEngine? LoadedEngine => _engine;

    /// <summary>Changes when answers to equal requests may: the product's version and what the model is. Empty before it is loaded.</summary>
    public string Fingerprint { get; private set; } = "";

    /// <summary>The engine, to generate with.</summary>
    /// <exception cref="RequestException">NotReady while the model loads, Draining after SIGTERM, Internal when it has failed.</exception>
    public ILlmEngine Engine
    {
        get
        {
            HealthReport health = Health.Current;
            return health switch
            {
                { Ready: true } when _engine is { } engine => engine,
                { Stage: "draining" } => throw new RequestException(
                    EngineErrorCode.Draining, "This server is shutting down; try again, another replica will answer."),
                { Live: false } => throw new RequestException(EngineErrorCode.Internal, $"The model '{Name}' has failed and this server must be restarted."),
                _ => throw new RequestException(EngineErrorCode.NotReady, $"The model '{Name}' is still loading ({Describe(health)}).")
                {
                    RetryAfter = TimeSpan.FromSeconds(Math.Clamp(health.Remaining?.TotalSeconds ?? 1, 1, 30)),
                },
            };
        }
    }

    /// <summary>Puts a warmed-up engine behind the names.</summary>
    public void Serve(ILlmEngine engine)
    {
        ModelInfo info = engine.Model;
        string identity = string.Create(
            CultureInfo.InvariantCulture, $"{info.Architecture} {info.ParameterCount} {info.VocabularySize} {info.DType} {info.MaxModelLength}");
        Fingerprint = $"{ProductInfo.Name}-{ProductInfo.Version}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(identity)))[..8]}";
        _engine = engine;
        Health.Ready(engine);
    }

    /// <summary>"weights, 12 of 306 MB": what is being done and how far.</summary>
    public static string Describe(HealthReport health) => health.BytesTotal > 0
        ? string.Create(CultureInfo.InvariantCulture, $"{health.Stage}, {health.BytesDone / 1e6:0} of {health.BytesTotal / 1e6:0} MB")
        : health.Stage;
}
