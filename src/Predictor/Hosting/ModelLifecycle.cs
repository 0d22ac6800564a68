using KServePaged.Engine.Configuration;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Configuration;

namespace KServePaged.Predictor.Hosting;

/// <summary>Loads, unloads and drains models: one change at a time, within one memory budget.</summary>
/// <param name="free">Asked once, when a repository's memory is first divided.</param>
[System.Diagnostics.CodeAnalysis.SuppressMessage(
    "Design", "CA1001", Justification = "Neither holds a handle, and a load that ends after the host still releases the one and asks the other.")]
internal sealed class ModelLifecycle(ServerOptions options, FreeMemory free, ILoggerFactory loggers, TimeProvider clock, LoadReporter reporter)
{
    private readonly HostingLog _log = new(loggers.CreateLogger("KServePaged.Hosting"));
    private readonly SemaphoreSlim _changing = new(1);
    private readonly CancellationTokenSource _stopping = new();
    private MemoryShares? _shares;
    private volatile bool _draining;

    public bool IsDraining => _draining;

    /// <summary>Cancelled when the drain begins.</summary>
    public CancellationToken Stopping => _stopping.Token;

    /// <summary>Loads a model that the process was started for.</summary>
    /// <param name="all">Every model that shares the memory, loaded or not.</param>
    /// <exception cref="ModelLoadException">It could not be loaded.</exception>
    public async Task LoadInitialAsync(ServedModel model, IReadOnlyList<ServedModel> all, CancellationToken cancellationToken)
    {
        await _changing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await LoadAsync(model, all, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            model.Health.Failed(e.Message);
            throw new ModelLoadException(model.Name, e.Message, e);
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <summary>Loads a model, again if its files have changed.</summary>
    /// <param name="all">Every model that shares the memory, loaded or not.</param>
    /// <exception cref="RequestException">InvalidArgument, Internal: it cannot be loaded; Draining.</exception>
    public async Task LoadAsync(ServedModel model, IReadOnlyList<ServedModel> all)
    {
        await _changing.WaitAsync().ConfigureAwait(false);
        try
        {
            RefuseWhenDraining();
            if (model.Health.Current.Ready && model.LoadedStamp == model.Stamp)
            {
                return;
            }
            await EndAsync(model).ConfigureAwait(false); // there may be no room for both
            await LoadAsync(model, all, _stopping.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (_stopping.IsCancellationRequested)
        {
            throw new RequestException(EngineErrorCode.Draining, $"failed to load '{model.Name}': the server is shutting down.", null, e);
        }
        catch (Exception e) when (e is not RequestException)
        {
            bool filesAtFault = e is InvalidDataException or IOException or UnauthorizedAccessException;
            model.Health.Unloaded(e.Message);
            _log.LoadFailed(model.Name, e.Message, filesAtFault ? null : e);
            throw new RequestException(
                filesAtFault ? EngineErrorCode.InvalidArgument : EngineErrorCode.Internal, $"failed to load '{model.Name}': {e.Message}", "model", e);
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <summary>Refuses new requests to a model, lets the running ones end within the shutdown timeout, and frees its memory.</summary>
    /// <exception cref="RequestException">Draining.</exception>
    public async Task UnloadAsync(ServedModel model)
    {
        await _changing.WaitAsync().ConfigureAwait(false);
        try
        {
            RefuseWhenDraining();
            await EndAsync(model).ConfigureAwait(false);
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <summary>Refuses what is new, lets what runs end, at most as long as the token allows; then ends it.</summary>
    public async Task DrainAsync(IReadOnlyList<ServedModel> models, CancellationToken limit)
    {
        _draining = true;
        await _stopping.CancelAsync().ConfigureAwait(false);
        if (await _changing.WaitAsync(options.ShutdownTimeout, CancellationToken.None).ConfigureAwait(false))
        {
            _changing.Release(); // what was being changed has stopped, and nothing new begins
        }
        ServedModel[] loaded = [.. models.Where(model => model.Health.Current.Ready)];
        foreach (ServedModel model in models.Where(model => model.Health.Current.Stage != HealthState.FailedStage))
        {
            model.Health.Draining();
        }
        if (loaded.Length == 0)
        {
            return;
        }
        _log.Draining(loaded.Sum(model => model.OpenRequests), options.ShutdownTimeout.TotalSeconds);
        try
        {
            await Task.WhenAll(loaded.Select(model => model.DrainAsync(limit))).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            _log.DrainCutShort(loaded.Sum(model => model.OpenRequests));
        }
        // Ends what still runs with finish reason abort, so that Kestrel, which waits for open responses, can close.
        await Task.WhenAll(loaded.Select(model => model.ReleaseAsync().AsTask())).ConfigureAwait(false);
    }

    private void RefuseWhenDraining()
    {
        if (_draining)
        {
            throw new RequestException(EngineErrorCode.Draining, "This server is shutting down; it neither loads nor unloads models.");
        }
    }

    private async Task LoadAsync(ServedModel model, IReadOnlyList<ServedModel> all, CancellationToken cancellationToken)
    {
        long began = clock.GetTimestamp();
        model.Health.Waiting();
        IProgress<LoadProgress> progress = reporter.For(model);
        await model.PrepareAsync(progress, cancellationToken).ConfigureAwait(false);
        string stamp = model.Stamp; // before the first byte is read: what changes meanwhile is loaded by the next call
        await model.LoadAsync(ShareOf(model, all), progress, cancellationToken).ConfigureAwait(false);
        _shares?.Take(model);
        model.LoadedStamp = stamp;
        model.Health.Ready(() => model.Failure);
        reporter.Ready(model, clock.GetElapsedTime(began));
    }

    private async Task EndAsync(ServedModel model)
    {
        if (model.Health.Current.Stage == HealthState.UnloadedStage)
        {
            return;
        }
        model.Health.Unloading();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        limit.CancelAfter(options.ShutdownTimeout);
        try
        {
            await model.DrainAsync(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            _log.DrainCutShort(model.OpenRequests);
        }
        await model.ReleaseAsync().ConfigureAwait(false);
        _shares?.Release(model);
        model.LoadedStamp = null;
        model.Health.Unloaded();
        _log.Unloaded(model.Name);
    }

    /// <summary>Null without a repository: the one model there is plans for itself.</summary>
    private long? ShareOf(ServedModel model, IReadOnlyList<ServedModel> all)
    {
        if (options.RepositoryPath is null || model is not LanguageModel)
        {
            return null;
        }
        _shares ??= new MemoryShares((long)(options.Engine.MemoryFraction * free(options.Engine)));
        return options.Engine.KvCacheBytes is null ? _shares.For(model, [.. all.OfType<LanguageModel>()]) : _shares.Left;
    }
}
