using KServePaged.Predictor.Configuration;

namespace KServePaged.Predictor.Hosting;

/// <summary>
/// The models' life in the process: loads them in the background while the port already answers, and drains them on SIGTERM before the port
/// closes.
/// </summary>
internal sealed class EngineHost(
    ModelRepository repository, ServerOptions options, IHostApplicationLifetime lifetime, ILoggerFactory loggers, LoadReporter reporter)
    : BackgroundService, IHostedLifecycleService
{
    private readonly HostingLog _log = new(loggers.CreateLogger("KServePaged.Hosting"));
    private readonly TaskCompletionSource _portOpen = new(TaskCreationOptions.RunContinuationsAsynchronously);

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
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(options.ShutdownTimeout);
        await repository.DrainAsync(limit.Token).ConfigureAwait(false);
    }

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await _portOpen.Task.WaitAsync(stoppingToken).ConfigureAwait(false);
            await repository.LoadInitialAsync(stoppingToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) // by the shutdown: the repository tells every other one apart
        {
            _log.LoadCancelled();
        }
        catch (ModelLoadException e)
        {
            // A failed load ends the process: the orchestrator shows the message and decides about another try.
            reporter.Erase();
            // What is wrong with a model's files says its message in one line; only the unforeseen needs its stack.
            _log.LoadFailed(e.Model, e.Message, e.InnerException is null or InvalidDataException or IOException or UnauthorizedAccessException ? null : e.InnerException);
            TerminationMessage.Write($"The model '{e.Model}' could not be loaded: {e.Message}");
            Environment.ExitCode = ExitCodes.LoadFailed;
            lifetime.StopApplication();
        }
    }
}
