namespace KServePaged.Predictor.Storage;

/// <summary>The waits between the tries of one thing.</summary>
internal sealed class Retry(HubTiming timing, TimeProvider clock, StorageLog log)
{
    private int _failures;

    /// <summary>The last try brought something, so that the next failure counts as the first.</summary>
    public void Progressed() => _failures = 0;

    /// <summary>Waits until the next try is due.</summary>
    /// <exception cref="HubException">There is none: <paramref name="failure"/> will not pass, or it has been tried often enough.</exception>
    public async Task WaitAsync(HubException failure, CancellationToken cancellationToken)
    {
        _failures++;
        if (!failure.MayPass || _failures >= timing.Attempts)
        {
            throw failure.MayPass ? new HubException($"{failure.Message} It was tried {_failures} times.", failure) { MayPass = true } : failure;
        }
        TimeSpan delay = failure.RetryAfter is { } asked
            ? (asked < timing.MaxRetryAfter ? asked : timing.MaxRetryAfter)
            : Backoff();
        log.Retrying(failure.Message, delay.TotalSeconds);
        StorageMetrics.Retries.Add(1);
        await Task.Delay(delay, clock, cancellationToken).ConfigureAwait(false);
    }

    // A quarter up or down, so that replicas that failed together do not come back together.
    private TimeSpan Backoff()
    {
        TimeSpan doubled = timing.FirstDelay * Math.Pow(2, _failures - 1);
        return (doubled < timing.MaxDelay ? doubled : timing.MaxDelay) * (0.75 + (Random.Shared.NextDouble() / 2));
    }
}
