using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Configuration;
using KServePaged.Predictor.Storage;

namespace KServePaged.Predictor.Hosting;

/// <summary>
/// The models of the process: that of <c>--model_dir</c>, and each directory below <c>--model_repository</c>. Finds them by name for protocols;
/// which of them is loaded is <see cref="ModelLifecycle"/>'s business.
/// </summary>
/// <param name="others">Models that are no directories.</param>
internal sealed class ModelRepository(
    ServerOptions options, EngineLoader load, FreeMemory free, IEnumerable<ServedModel> others, ILoggerFactory loggers, TimeProvider clock, LoadReporter reporter)
{
    private readonly HostingLog _log = new(loggers.CreateLogger("KServePaged.Hosting"));
    private readonly ModelLifecycle _lifecycle = new(options, free, loggers, clock, reporter);
    private readonly Lock _scanning = new();
    private readonly IReadOnlyList<ServedModel> _fixed = [.. others];
    private readonly VariantRoute[] _routes = [.. options.Variants.Select(route => new VariantRoute(route.Name, route.Stable, route.Candidate, route.Percent))];
    private volatile ServedModel[] _models = Initial(options, load, loggers, clock, others);
    private volatile HealthReport? _failed;
    private volatile bool _started;
    private volatile bool _leaving;

    /// <summary>Every model, loaded or not; that of the command line first.</summary>
    public IReadOnlyList<ServedModel> Models => _models;

    /// <summary>Those a client may name now: loaded, or on the way.</summary>
    public IEnumerable<ServedModel> Listed => _models.Where(model => model.Health.Current.Stage != HealthState.UnloadedStage);

    /// <summary>Names behind which variants stand.</summary>
    public IReadOnlyList<VariantRoute> Routes => _routes;

    /// <summary>Every name a client may use now, with the model behind it; of a route the stable one.</summary>
    public IEnumerable<(string Name, ServedModel Model)> ListedNames =>
    [
        .. _routes.Select(route => (route.Name, Model: ByName(route.Stable))).Where(entry => entry.Model is not null).Select(entry => (entry.Name, entry.Model!)),
        .. Listed.SelectMany(model => model.Names.Select(name => (name, model))),
    ];

    /// <summary>
    /// The server's own health: not live once a model has failed for good; ready when everything it was started with is loaded. Models that are
    /// loaded and unloaded later do not touch it, since the others go on serving.
    /// </summary>
    public HealthReport Health
    {
        get
        {
            HealthReport[] reports = [.. _models.Select(model => model.Health.Current)];
            return _failed
                ?? reports.FirstOrDefault(report => !report.Live)
                ?? (_leaving || _lifecycle.IsDraining ? new HealthReport(Live: true, Ready: false, HealthState.DrainingStage) : null)
                ?? (_started ? new HealthReport(Live: true, Ready: true, HealthState.ReadyStage) : null)
                ?? reports.FirstOrDefault(report => report is { Ready: false, Stage: not HealthState.UnloadedStage })
                ?? new HealthReport(Live: true, Ready: false, HealthState.WaitingStage);
        }
    }

    /// <summary>Everything the process was started with has been loaded once.</summary>
    public bool IsStarted => _started;

    /// <summary>The process is about to end: the server is not ready any more, and still serves what comes.</summary>
    public bool IsLeaving => _leaving;

    public void Leave() => _leaving = true;

    /// <summary>The route of a name, or null.</summary>
    public VariantRoute? Route(string? name)
    {
        foreach (VariantRoute route in _routes)
        {
            if (string.IsNullOrEmpty(name) ? _routes.Length == 1 : route.Name == name)
            {
                return route;
            }
        }
        return null;
    }

    /// <summary>The model that answers a request that generates; behind a route the variant for this caller.</summary>
    /// <param name="name">As for <see cref="Find"/>.</param>
    /// <exception cref="RequestException">As <see cref="Find"/>; ModelNotFound: there is no such variant.</exception>
    public ServedModel Select(string? name, Caller caller)
    {
        if (Route(name) is not { } route)
        {
            return Find(name);
        }
        ServedModel model = Find(route.Choose(caller));
        // A candidate that is not there yet, or no more, costs nobody an answer, unless it was asked for.
        return caller.Variant is null && !model.Health.Current.Ready ? Find(route.Stable) : model;
    }

    /// <summary>As <see cref="Select"/>, for a request over HTTP, whose answer then tells the variant.</summary>
    /// <exception cref="RequestException">As <see cref="Select"/>; Unsupported: the model does not generate text.</exception>
    public LanguageModel SelectLanguageModel(HttpContext context, string? name)
    {
        LanguageModel model = AsLanguageModel(Select(name, Caller.Of(context)), name);
        if (Route(name) is not null)
        {
            context.Response.Headers[Caller.Header] = model.Name;
        }
        return model;
    }

    /// <summary>What the answer calls a model: the route's name, if it was asked by that.</summary>
    public string PublicName(string? asked, ServedModel model) => Route(asked)?.Name ?? model.Name;

    /// <summary>The model of a name; of a route the stable one.</summary>
    /// <param name="name">One of its names; null or empty for the only one there is.</param>
    /// <exception cref="RequestException">ModelNotFound: no model has the name, or the name is needed to choose.</exception>
    public ServedModel Find(string? name)
    {
        if (!string.IsNullOrEmpty(name))
        {
            return ByName(Route(name)?.Stable ?? name) ?? throw new RequestException(
                EngineErrorCode.ModelNotFound, $"Request for unknown model: '{name}' is not served here; served: {Served()}.", "model");
        }
        return Route(name) is { } route ? Find(route.Stable) : _models is [{ } only] ? only : throw new RequestException(
            EngineErrorCode.ModelNotFound, $"A model must be named; served: {Served()}.", "model");
    }

    /// <summary>The model of a request that generates text.</summary>
    /// <exception cref="RequestException">As <see cref="Find"/>; Unsupported: the model does not generate text.</exception>
    public LanguageModel FindLanguageModel(string? name) => AsLanguageModel(Find(name), name);

    /// <summary>Loads what the command line names, one after the other.</summary>
    /// <exception cref="ModelLoadException">A model could not be loaded.</exception>
    public async Task LoadInitialAsync(CancellationToken cancellationToken)
    {
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _lifecycle.Stopping);
        try
        {
            await WaitForDirectoriesAsync(linked.Token).ConfigureAwait(false);
            Scan();
            RequireWanted();
            ServedModel[] wanted = [.. _models.Where(IsWanted)];
            foreach (ServedModel model in wanted)
            {
                model.Health.Waiting();
            }
            foreach (ServedModel model in wanted)
            {
                await _lifecycle.LoadInitialAsync(model, _models, linked.Token).ConfigureAwait(false);
            }
        }
        catch (ModelLoadException e)
        {
            _failed = new HealthReport(Live: false, Ready: false, HealthState.FailedStage, Message: e.Message);
            throw;
        }
        reporter.Serving(_models);
        _started = true;
    }

    /// <summary>Loads a model, again if its files have changed, and returns when it serves. Goes on when the caller leaves.</summary>
    /// <exception cref="RequestException">ModelNotFound: no such directory; InvalidArgument: it cannot be loaded; Draining.</exception>
    public Task LoadAsync(string name, CancellationToken cancellationToken)
    {
        Scan();
        ServedModel model = _models.FirstOrDefault(known => known.Names.Contains(name)) ?? throw new RequestException(
            EngineErrorCode.ModelNotFound,
            $"failed to load '{name}': " + (options.RepositoryPath is { } path
                ? $"there is no directory of that name with a config.json in {path}."
                : "there is no such model, and no --model_repository to find it in."),
            "model");
        return Task.Run(() => _lifecycle.LoadAsync(model, _models), CancellationToken.None).WaitAsync(cancellationToken);
    }

    /// <summary>Changes what stands behind a name: another candidate, another share, or the candidate in the stable one's place. Until the process ends.</summary>
    /// <exception cref="RequestException">As <see cref="LoadAsync(string, CancellationToken)"/>; InvalidArgument: there is no candidate.</exception>
    public async Task ChangeAsync(VariantRoute route, VariantChange change, CancellationToken cancellationToken)
    {
        if (change.Candidate is { } candidate)
        {
            if (candidate == route.Stable || Route(candidate) is not null)
            {
                throw new RequestException(EngineErrorCode.InvalidArgument, $"failed to load '{route.Name}': '{candidate}' cannot be its candidate.", "candidate");
            }
            await LoadAsync(candidate, cancellationToken).ConfigureAwait(false);
            route.Set(candidate, change.Percent ?? 0);
        }
        else if (route.Candidate is { } present && change.Percent is { } percent)
        {
            route.Set(present, percent);
        }
        else if (route.Candidate is null && (change.Promote || change.Percent is not null))
        {
            throw new RequestException(EngineErrorCode.InvalidArgument, $"failed to load '{route.Name}': it has no candidate; name one.", "candidate");
        }
        _log.Variants(route.Name, route.Stable, route.Candidate ?? "none", route.Percent);
        if (change.Promote)
        {
            string before = route.Stable;
            route.Promote();
            _log.Variants(route.Name, route.Stable, "none", 0);
            await UnloadAsync(before, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Refuses new requests to a model, lets the running ones end within the shutdown timeout, and frees its memory.</summary>
    /// <exception cref="RequestException">ModelNotFound; Draining.</exception>
    public Task UnloadAsync(string name, CancellationToken cancellationToken)
    {
        ServedModel model = _models.FirstOrDefault(known => known.Names.Contains(name)) ?? throw new RequestException(
            EngineErrorCode.ModelNotFound, $"failed to unload '{name}': there is no such model.", "model");
        if (_routes.FirstOrDefault(route => model.Names.Contains(route.Stable)) is { } needing)
        {
            throw new RequestException(
                EngineErrorCode.InvalidArgument, $"failed to unload '{name}': it is the stable variant of '{needing.Name}'; promote the candidate first.", "model");
        }
        foreach (VariantRoute route in _routes.Where(route => route.Candidate is { } candidate && model.Names.Contains(candidate)))
        {
            route.DropCandidate(); // a roll-back: its requests go to the stable one before it drains
        }
        return Task.Run(() => _lifecycle.UnloadAsync(model), CancellationToken.None).WaitAsync(cancellationToken);
    }

    /// <summary>Refuses what is new, lets what runs end, at most as long as the token allows; then ends it.</summary>
    public Task DrainAsync(CancellationToken limit) => _lifecycle.DrainAsync(_models, limit);

    /// <summary>Takes directories in that have appeared, and out those that are gone and not loaded.</summary>
    public void Scan()
    {
        if (options.RepositoryPath is not { } path)
        {
            return;
        }
        lock (_scanning)
        {
            IReadOnlyList<(string Name, string Path)> found = ModelDirectory.Scan(path);
            IEnumerable<ServedModel> kept = _models.Where(model =>
                model is not LanguageModel || model.Health.Current.Stage != HealthState.UnloadedStage || IsOwn(model) || found.Any(entry => model.Names.Contains(entry.Name)));
            IEnumerable<ServedModel> added = found.Where(entry => !_models.Any(model => model.Names.Contains(entry.Name)))
                .Select(entry => FromDirectory([entry.Name], entry.Path, options, load, loggers, clock));
            _models = [.. kept, .. added];
        }
    }

    private static ServedModel[] Initial(
        ServerOptions options, EngineLoader load, ILoggerFactory loggers, TimeProvider clock, IEnumerable<ServedModel> others)
    {
        IEnumerable<ServedModel> own = options switch
        {
            { HubModel: { } hub } => [FromHub(hub, options, load, loggers, clock)],
            { HasOwnModel: true } => [FromDirectory(options.ModelNames, options.Engine.ModelPath, options, load, loggers, clock)],
            _ => [],
        };
        ServedModel[] models = [.. own, .. others];
        foreach (ServedModel model in models)
        {
            model.Health.Waiting();
        }
        return models;
    }

    private static LanguageModel FromDirectory(
        IReadOnlyList<string> names, string path, ServerOptions options, EngineLoader load, ILoggerFactory loggers, TimeProvider clock) =>
        new(names, options.Engine with { ModelPath = path, ModelName = names[0] }, (_, _) => Task.FromResult(ModelLayout.Locate(path)), load, loggers, clock);

    private static LanguageModel FromHub(HubReference hub, ServerOptions options, EngineLoader load, ILoggerFactory loggers, TimeProvider clock) =>
        new(options.ModelNames, options.Engine, new HubDownload(hub, options.Hub, loggers, clock).RunAsync, load, loggers, clock);

    private bool IsOwn(ServedModel model) => options.HasOwnModel && model.Names == options.ModelNames;

    private bool IsWanted(ServedModel model) => IsOwn(model) || _fixed.Contains(model) || options.LoadModels is null || options.LoadModels.Any(model.Names.Contains) || _routes.Any(route => route.Has(model));

    private static LanguageModel AsLanguageModel(ServedModel model, string? name) => model as LanguageModel ?? throw new RequestException(
        EngineErrorCode.Unsupported, $"The model '{name}' takes tensors and generates no text.", "model");

    private ServedModel? ByName(string name)
    {
        foreach (ServedModel model in _models)
        {
            if (model.Names.Contains(name))
            {
                return model;
            }
        }
        return null;
    }

    private string Served() => string.Join(", ", ListedNames.Select(entry => entry.Name));

    private void RequireWanted()
    {
        foreach (VariantRoute route in _routes)
        {
            if (ByName(route.Name) is not null)
            {
                throw new ModelLoadException(route.Name, $"--variants: '{route.Name}' is the name of a model too; give the route another.", null);
            }
            if (new[] { route.Stable, route.Candidate }.FirstOrDefault(variant => variant is not null && ByName(variant) is null) is { } absent)
            {
                throw new ModelLoadException(absent, $"--variants: there is no directory '{absent}' with a config.json in {options.RepositoryPath}.", null);
            }
        }
        if (options.LoadModels?.FirstOrDefault(name => !_models.Any(model => model.Names.Contains(name))) is { } missing)
        {
            throw new ModelLoadException(missing, $"--load_model: there is no directory '{missing}' with a config.json in {options.RepositoryPath}.", null);
        }
    }

    private async Task WaitForDirectoriesAsync(CancellationToken cancellationToken)
    {
        if (options is { HasOwnModel: true, HubModel: null })
        {
            await WaitForDirectoryAsync("--model_dir", options.Engine.ModelPath, cancellationToken).ConfigureAwait(false);
        }
        if (options.RepositoryPath is { } path)
        {
            await WaitForDirectoryAsync("--model_repository", path, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task WaitForDirectoryAsync(string option, string path, CancellationToken cancellationToken)
    {
        long began = clock.GetTimestamp();
        // Seen as given, never resolved: a modelcar's link leads into /proc and cannot be made canonical.
        while (!Directory.Exists(path))
        {
            bool isFile = File.Exists(path);
            if (isFile || clock.GetElapsedTime(began) >= options.ModelWait)
            {
                throw new ModelLoadException(path, ModelLayout.NoDirectory(option, path, isFile), null);
            }
            await Task.Delay(TimeSpan.FromMilliseconds(200), clock, cancellationToken).ConfigureAwait(false);
        }
    }
}
