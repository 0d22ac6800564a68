namespace KServePaged.Predictor.Hosting;

/// <summary>The stages of one request, told by whoever serves it, in their order.</summary>
internal sealed class InferenceWatch(TimeProvider clock)
{
    private readonly long _arrived = clock.GetTimestamp();
    private long? _generating;
    private long? _answering;

    public DateTimeOffset ArrivedAt { get; } = clock.GetUtcNow();

    public int PromptCount { get; private set; }

    public TimeSpan Total => clock.GetElapsedTime(_arrived);

    /// <summary>Null = the stage was not reached.</summary>
    public TimeSpan? Input => _generating is { } end ? clock.GetElapsedTime(_arrived, end) : null;

    public TimeSpan? Infer => _generating is { } start ? clock.GetElapsedTime(start, _answering ?? clock.GetTimestamp()) : null;

    public TimeSpan? Output => _answering is { } start ? clock.GetElapsedTime(start) : null;

    public void Generating(int promptCount)
    {
        PromptCount = promptCount;
        _generating = clock.GetTimestamp();
    }

    public void Answering() => _answering = clock.GetTimestamp();
}
