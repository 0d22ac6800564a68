using System.Globalization;
using KServePaged.Engine.Configuration;
using KServePaged.Engine.Contracts;

namespace KServePaged.Predictor.Hosting;

/// <summary>
/// A model under its names, from before it is loaded until after it has been unloaded, and again. <see cref="ModelLifecycle"/> alone calls
/// the members that change it, one at a time; protocols read.
/// </summary>
internal abstract class ServedModel(IReadOnlyList<string> names, TimeProvider clock)
{
    public IReadOnlyList<string> Names => names;

    /// <summary>The name in responses.</summary>
    public string Name => names[0];

    public DateTimeOffset CreatedAt { get; } = clock.GetUtcNow();

    public HealthState Health { get; } = new(clock);

    /// <summary>About what its weights take when loaded, in bytes.</summary>
    public virtual long WeightBytes => 0;

    /// <summary>What it holds of the device's memory, in bytes; 0 while it is not loaded.</summary>
    public virtual long MemoryBytes => 0;

    /// <summary>Requests it works on.</summary>
    public virtual int OpenRequests => 0;

    /// <summary>Changes when loading it again would give another model.</summary>
    public virtual string Stamp => "";

    /// <summary>The stamp of what is loaded; null while nothing is.</summary>
    public string? LoadedStamp { get; set; }

    /// <summary>Throws unless requests can be served now.</summary>
    /// <exception cref="RequestException">
    /// NotReady while it loads, ModelNotFound when it is not loaded, Draining after SIGTERM, Internal when it has failed.
    /// </exception>
    public void RequireReady()
    {
        HealthReport health = Health.Current;
        if (!health.Ready)
        {
            throw Refusal(health);
        }
    }

    /// <summary>Brings its files here, so that they can be measured and loaded.</summary>
    /// <exception cref="IOException">They cannot be got, or are none of a model; so <see cref="InvalidDataException"/>.</exception>
    public virtual Task PrepareAsync(IProgress<LoadProgress> progress, CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Loads it and returns when it can serve; the caller then marks it ready.</summary>
    /// <param name="memoryBytes">Most it may take; null = what its options say.</param>
    /// <exception cref="InvalidDataException">A file of the model is broken or not supported; the message names file and field.</exception>
    public abstract Task LoadAsync(long? memoryBytes, IProgress<LoadProgress> progress, CancellationToken cancellationToken);

    /// <summary>Completes when what runs has ended. New requests are refused by then.</summary>
    public abstract Task DrainAsync(CancellationToken cancellationToken);

    /// <summary>Ends what still runs and frees what loading took.</summary>
    public abstract ValueTask ReleaseAsync();

    /// <summary>Null while it works; otherwise why it never will again.</summary>
    public virtual Exception? Failure => null;

    /// <summary>"weights, 12 of 306 MB": what is being done and how far.</summary>
    public static string Describe(HealthReport health) => health.BytesTotal > 0
        ? string.Create(CultureInfo.InvariantCulture, $"{health.Stage}, {health.BytesDone / 1e6:0} of {health.BytesTotal / 1e6:0} MB")
        : health.Stage;

    private RequestException Refusal(HealthReport health) => health switch
    {
        { Stage: HealthState.DrainingStage } => new(
            EngineErrorCode.Draining, "This server is shutting down; try again, another replica will answer."),
        { Stage: HealthState.UnloadedStage or HealthState.UnloadingStage } => new(
            EngineErrorCode.ModelNotFound, $"The model '{Name}' is not loaded; POST /v2/repository/models/{Name}/load loads it.", "model"),
        { Live: false } => new(EngineErrorCode.Internal, $"The model '{Name}' has failed and this server must be restarted."),
        _ => new(EngineErrorCode.NotReady, $"The model '{Name}' is still loading ({Describe(health)}).")
        {
            RetryAfter = TimeSpan.FromSeconds(Math.Clamp(health.Remaining?.TotalSeconds ?? 1, 1, 30)),
        },
    };
}
