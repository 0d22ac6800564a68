namespace KServePaged.Predictor.Storage;

/// <summary>How patient a download is.</summary>
internal sealed record HubTiming
{
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Longest silence before an answer and within one.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Tries in a row that bring nothing before a download gives up.</summary>
    public int Attempts { get; init; } = 6;

    /// <summary>Wait before the second try; it doubles with every one after.</summary>
    public TimeSpan FirstDelay { get; init; } = TimeSpan.FromSeconds(1);

    public TimeSpan MaxDelay { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The longest wait that a server may ask for.</summary>
    public TimeSpan MaxRetryAfter { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How often it is looked whether another process has let go of a file.</summary>
    public TimeSpan LockPoll { get; init; } = TimeSpan.FromMilliseconds(200);
}
