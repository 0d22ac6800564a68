namespace KServePaged.Predictor.Hosting;

/// <summary>Counts the requests of one model. Any thread.</summary>
internal sealed class InferenceMeter(TimeProvider clock)
{
    private readonly Lock _gate = new();
    private InferenceCounts _counts;

    public InferenceCounts Counts
    {
        get
        {
            lock (_gate)
            {
                return _counts;
            }
        }
    }

    /// <summary>Serves one request and counts how it ended.</summary>
    /// <param name="callerLeft">Tells a cancelled request from a failed one.</param>
    public async Task MeasureAsync(Func<InferenceWatch, Task> serve, CancellationToken callerLeft)
    {
        using InferenceWatch watch = Begin(callerLeft);
        await serve(watch).ConfigureAwait(false);
        watch.Succeed();
    }

    /// <summary>As <see cref="MeasureAsync"/>, where the caller serves: it disposes the watch when the request has ended, and counts as failed unless it has succeeded.</summary>
    public InferenceWatch Begin(CancellationToken callerLeft) => new(this, clock, callerLeft);

    /// <summary>For <see cref="InferenceWatch"/> alone, when its request has ended.</summary>
    public void Count(InferenceWatch watch, bool succeeded, bool cancelled)
    {
        lock (_gate)
        {
            _counts = (succeeded, cancelled) switch
            {
                (true, _) => _counts with
                {
                    LastInferenceMs = (ulong)watch.ArrivedAt.ToUnixTimeMilliseconds(),
                    InferenceCount = _counts.InferenceCount + (ulong)watch.PromptCount,
                    Success = _counts.Success.Plus(watch.Total),
                    ComputeInput = _counts.ComputeInput.Plus(watch.Input),
                    Queue = _counts.Queue.Plus(watch.Queue),
                    ComputeInfer = _counts.ComputeInfer.Plus(watch.Infer),
                    ComputeOutput = _counts.ComputeOutput.Plus(watch.Output),
                },
                (false, true) => _counts with { Cancel = _counts.Cancel.Plus(watch.Total) },
                (false, false) => _counts with { Fail = _counts.Fail.Plus(watch.Total) },
            };
        }
    }
}
