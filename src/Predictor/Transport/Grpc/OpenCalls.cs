namespace KServePaged.Predictor.Transport.Grpc;

/// <summary>
/// Ends the calls that stay open by themselves, once what they asked for is answered: the port does not close while one is open, and a caller
/// that watches or keeps a stream for later would hold the process until it is killed.
/// Services are told of a stop in the reverse order of their registration: this one is registered before whatever drains.
/// </summary>
internal sealed class OpenCalls : IHostedLifecycleService, IDisposable
{
    public const string Message = "This server is shutting down; try again, another replica will answer.";

    private readonly CancellationTokenSource _drained = new();

    /// <summary>Nothing runs any more and nothing new is taken.</summary>
    public CancellationToken Drained => _drained.Token;

    public Task StoppingAsync(CancellationToken cancellationToken) => _drained.CancelAsync();

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => _drained.Dispose();
}
