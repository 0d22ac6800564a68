using KServePaged.Predictor.Configuration;

namespace KServePaged.Predictor.Hosting;

/// <summary>
/// Lets requests wait that arrive while the models the process was started with are loading: the caller would only come back. A model that is loaded
/// later refuses instead, since what it is asked for may be served elsewhere.
/// </summary>
internal sealed class LoadQueue(ModelRepository repository, ServerOptions options, TimeProvider clock)
{
    // Proxies give up on a silent stream after 10 to 60 seconds.
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(25);

    /// <summary>Returns when the model serves, or will not within the limit: the model itself then refuses, with its reason.</summary>
    /// <param name="tell">Told every five seconds how far the loading is; null = nobody listens.</param>
    public async Task WaitAsync(ServedModel model, Func<string, Task>? tell, CancellationToken cancellationToken)
    {
        if (!IsLoading(model))
        {
            return;
        }
        long began = clock.GetTimestamp();
        TimeSpan told = TimeSpan.Zero;
        using var timer = new PeriodicTimer(Look, clock);
        while (IsLoading(model) && clock.GetElapsedTime(began) is var waited && waited < options.LoadWait)
        {
            if (tell is not null && waited - told >= Heartbeat)
            {
                told = waited;
                await tell($"loading: {ServedModel.Describe(model.Health.Current)}").ConfigureAwait(false);
            }
            await timer.WaitForNextTickAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private bool IsLoading(ServedModel model) =>
        !repository.IsStarted && model.Health.Current is { Ready: false, Live: true, Stage: not (HealthState.UnloadedStage or HealthState.UnloadingStage or HealthState.DrainingStage) };
}
