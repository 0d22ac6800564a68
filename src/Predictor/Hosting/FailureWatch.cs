using KServePaged.Predictor.Configuration;

namespace KServePaged.Predictor.Hosting;

/// <summary>
/// Ends the process once an engine has failed. A GPU that failed stays lost to the process that met it, so only a new one helps, and not everything
/// that runs a server asks its liveness.
/// </summary>
internal sealed class FailureWatch(
    ModelRepository repository, ServerOptions options, IHostApplicationLifetime lifetime, ILoggerFactory loggers, TimeProvider clock) : BackgroundService
{
    /// <summary>For so long the port still tells callers and probes what happened. Then they would be refused the connection.</summary>
    internal static readonly TimeSpan Notice = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly HostingLog _log = new(loggers.CreateLogger("KServePaged.Hosting"));

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            if (repository.Models.FirstOrDefault(model => model.Failure is not null) is { Failure: { } failure } failed)
            {
                string message = $"The engine of '{failed.Name}' has failed: {failure.Message}.";
                _log.EngineFailed(message, Notice.TotalSeconds, ExitCodes.EngineFailed);
                TerminationMessage.Write(options.TerminationMessagePath, message);
                Environment.ExitCode = ExitCodes.EngineFailed; // also when a SIGTERM cuts the notice short
                await WaitAsync(Notice, stoppingToken).ConfigureAwait(false);
                lifetime.StopApplication();
                return;
            }
            await WaitAsync(Interval, stoppingToken).ConfigureAwait(false);
        }
    }

    private async Task WaitAsync(TimeSpan time, CancellationToken stoppingToken) =>
        await Task.Delay(time, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
}
