using KServePaged.Predictor.Configuration;

namespace KServePaged.Predictor.Hosting;

/// <summary>
/// The models' life in the process: loads them in the background while the port already answers, and drains them on SIGTERM before the port
/// closes.
/// </summary>
internal sealed class EngineHost(
    ModelRepository repository, ServerOptions options, IHostApplicationLifetime lifetime, ILoggerFactory loggers, LoadReporter reporter, TimeProvider clock)
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

    /// <summary>Before the port closes: fail readiness, serve what still comes from balancers that have not seen it, then refuse it and let what runs end.</summary>
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(options.ShutdownTimeout, clock);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        repository.Leave();
        if (options.ShutdownDelay is { Ticks: > 0 } delay && repository.Health.Live)
        {
            _log.Leaving(delay.TotalSeconds);
            await Task.Delay(delay < options.ShutdownTimeout ? delay : options.ShutdownTimeout, clock, linked.Token)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // at the latest when the limit of the shutdown passes
        }
        await repository.DrainAsync(linked.Token).ConfigureAwait(false);
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
            TerminationMessage.Write(options.TerminationMessagePath, $"The model '{e.Model}' could not be loaded: {e.Message}");
            Environment.ExitCode = ExitCodes.LoadFailed;
            lifetime.StopApplication();
        }
    }
}
