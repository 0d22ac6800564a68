using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using KServePaged.Engine;
using KServePaged.Engine.Configuration;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Telemetry.Requests;

namespace KServePaged.Predictor.Hosting;

/// <summary>A directory that an engine serves. Protocols ask it for the engine.</summary>
/// <param name="locate">Finds or downloads the directory.</param>
internal sealed class LanguageModel(
    IReadOnlyList<string> names, EngineOptions options, ModelLocator locate, EngineLoader load, ILoggerFactory loggers, TimeProvider clock)
    : ServedModel(names, clock)
{
    private volatile string _path = options.ModelPath;
    private volatile ILlmEngine? _engine;

    /// <summary>The engine once it is loaded, whether or not it takes requests; for metadata and metrics. Null before.</summary>
    public ILlmEngine? LoadedEngine => _engine;

    /// <summary>Changes when answers to equal requests may: the product's version and what the model is. Empty before it is loaded.</summary>
    public string Fingerprint { get; private set; } = "";

    /// <summary>The engine, to generate with.</summary>
    /// <exception cref="RequestException">As <see cref="ServedModel.RequireReady"/>.</exception>
    public ILlmEngine Engine
    {
        get
        {
            if (RequestRecord.Current is { } request)
            {
                request.Model = Name;
            }
            RequireReady();
            return _engine ?? throw new InvalidOperationException("a model that is ready has an engine");
        }
    }

    /// <summary>The directory; empty before it is downloaded.</summary>
    public string Path => _path;

    public override long WeightBytes => ModelDirectory.WeightBytes(Path);

    public override long MemoryBytes => _engine?.Model.MemoryBytes ?? 0;

    public override int OpenRequests => _engine is { } engine ? engine.Statistics.RunningSequences + engine.Statistics.WaitingSequences : 0;

    public override string Stamp => ModelDirectory.Stamp(Path);

    public override Exception? Failure => _engine?.Failure;

    public override async Task PrepareAsync(IProgress<LoadProgress> progress, CancellationToken cancellationToken) =>
        _path = await locate(progress, cancellationToken).ConfigureAwait(false);

    public override async Task LoadAsync(long? memoryBytes, IProgress<LoadProgress> progress, CancellationToken cancellationToken)
    {
        _engine = await load(options with { ModelPath = _path, MemoryBytes = memoryBytes }, progress, loggers, cancellationToken).ConfigureAwait(false);
        Fingerprint = $"{ProductInfo.Name}-{ProductInfo.Version}-{Digest(_engine.Model)}";
    }

    public override Task DrainAsync(CancellationToken cancellationToken) =>
        _engine is { Failure: null } engine ? engine.DrainAsync(cancellationToken) : Task.CompletedTask;

    public override async ValueTask ReleaseAsync()
    {
        if (_engine is { } engine)
        {
            await engine.DisposeAsync().ConfigureAwait(false);
            _engine = null;
        }
    }

    private static string Digest(ModelInfo info)
    {
        string identity = string.Create(
            CultureInfo.InvariantCulture, $"{info.Architecture} {info.ParameterCount} {info.VocabularySize} {info.DType} {info.MaxModelLength}");
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(identity)))[..8];
    }
}
