using KServePaged.Engine;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Configuration;

namespace KServePaged.Predictor.Hosting;

/// <summary>
/// Owns the models of the process: loads them in the background while the port already answers, and drains them on SIGTERM before the
/// port closes. Protocols find their model here.
/// </summary>
internal sealed class EngineHost(
    ServerOptions options, EngineLoader load, IHostApplicationLifetime lifetime, ILoggerFactory loggers, TimeProvider clock, LoadReporter reporter)
    : BackgroundService, IHostedLifecycleService
{
    private readonly HostingLog _log = new(loggers.CreateLogger("KServePaged.Hosting"));
    private readonly ServedModel _model = new(options.ModelNames, clock);
    private readonly TaskCompletionSource _portOpen = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ILlmEngine? _engine;

    public IReadOnlyList<ServedModel> Models => [_model];

    /// <summary>The model of a request.</summary>
    /// <param name="name">One of its names; null or empty for the model served by default.</param>
    /// <exception cref="RequestException">ModelNotFound: no model has the name.</exception>
    public ServedModel Find(string? name) =>
        string.IsNullOrEmpty(name) || _model.Names.Contains(name)
            ? _model
            : throw new RequestException(
                EngineErrorCode.ModelNotFound, $"The model '{name}' is not served here; served: {string.Join(", ", _model.Names)}.", "model");

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Every service runs, Kestrel included.</summary>
    public Task StartedAsync(CancellationToken cancellationToken)
    {
        _portOpen.TrySetResult();
        return Task.CompletedTask;
    }

    /// <summary>Before the port closes: refuse what is new, let what runs end.</summary>
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        _model.Health.Draining();
        if (_engine is not { Failure: null } engine)
        {
            return;
        }
        _log.Draining(engine.Statistics.RunningSequences + engine.Statistics.WaitingSequences, options.ShutdownTimeout.TotalSeconds);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(options.ShutdownTimeout);
        try
        {
            await engine.DrainAsync(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            _log.DrainCutShort(engine.Statistics.RunningSequences + engine.Statistics.WaitingSequences);
        }
        // Ends what still runs with finish reason abort, so that Kestrel, which waits for open responses, can close.
        await engine.DisposeAsync().ConfigureAwait(false);
    }

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        long began = clock.GetTimestamp();
        try
        {
            await _portOpen.Task.WaitAsync(stoppingToken).ConfigureAwait(false);
            await WaitForDirectoryAsync(stoppingToken).ConfigureAwait(false);
            _engine = await load(options.Engine, reporter.For(_model), loggers, stoppingToken).ConfigureAwait(false);
            _model.Serve(_engine);
            reporter.Ready(_model, clock.GetElapsedTime(began));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            _log.LoadCancelled(_model.Name);
        }
        catch (Exception e)
        {
            // A failed load ends the process: the orchestrator shows the message and decides about another try.
            _model.Health.Failed(e.Message);
            reporter.Erase();
            // What is wrong with a model's files says its message in one line; only the unforeseen needs its stack.
            _log.LoadFailed(_model.Name, e.Message, e is InvalidDataException or IOException or UnauthorizedAccessException ? null : e);
            TerminationMessage.Write($"The model '{_model.Name}' could not be loaded: {e.Message}");
            Environment.ExitCode = ExitCodes.LoadFailed;
            lifetime.StopApplication();
        }
    }

    private async Task WaitForDirectoryAsync(CancellationToken cancellationToken)
    {
        string path = options.Engine.ModelPath;
        long began = clock.GetTimestamp();
        // Seen as given, never resolved: a modelcar's link leads into /proc and cannot be made canonical.
        while (!Directory.Exists(path))
        {
            if (clock.GetElapsedTime(began) >= options.ModelWait)
            {
                throw new DirectoryNotFoundException($"--model_dir '{path}' is not a directory.");
            }
            await Task.Delay(TimeSpan.FromMilliseconds(200), clock, cancellationToken).ConfigureAwait(false);
        }
    }
}
