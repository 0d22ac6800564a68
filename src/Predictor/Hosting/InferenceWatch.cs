namespace KServePaged.Predictor.Hosting;

/// <summary>The stages of one request, told by whoever serves it, in their order.</summary>
internal sealed class InferenceWatch(InferenceMeter meter, TimeProvider clock, CancellationToken callerLeft) : IDisposable
{
    private readonly long _arrived = clock.GetTimestamp();
    private long? _generating;
    private long? _answering;
    private long _ended;
    private bool _succeeded;

    public DateTimeOffset ArrivedAt { get; } = clock.GetUtcNow();

    public int PromptCount { get; private set; }

    /// <summary>Like the stages, known when the request has ended.</summary>
    public TimeSpan Total => clock.GetElapsedTime(_arrived, _ended);

    /// <summary>Null = the stage was not reached.</summary>
    public TimeSpan? Input => _generating is { } end ? clock.GetElapsedTime(_arrived, end) : null;

    /// <summary>Null = no prompt was begun.</summary>
    public TimeSpan? Queue { get; private set; }

    /// <summary>Without the time in the queue.</summary>
    public TimeSpan? Infer => _generating is { } start ? Less(clock.GetElapsedTime(start, _answering ?? _ended), Queue) : null;

    public TimeSpan? Output => _answering is { } start ? clock.GetElapsedTime(start, _ended) : null;

    public void Generating(int promptCount)
    {
        PromptCount = promptCount;
        _generating = clock.GetTimestamp();
    }

    /// <summary>How long a prompt waited for the engine; of several prompts, the longest wait counts.</summary>
    public void Queued(TimeSpan waited) => Queue = Queue > waited ? Queue : waited;

    public void Answering(TimeSpan longestWait)
    {
        Queued(longestWait);
        _answering = clock.GetTimestamp();
    }

    public void Succeed() => _succeeded = true;

    public void Dispose()
    {
        _ended = clock.GetTimestamp();
        meter.Count(this, _succeeded, callerLeft.IsCancellationRequested);
    }

    // The engine measures its part by itself.
    private static TimeSpan Less(TimeSpan whole, TimeSpan? part) => part is { } less && less < whole ? whole - less : part is null ? whole : TimeSpan.Zero;
}
