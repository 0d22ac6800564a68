namespace KServePaged.Predictor.Storage;

/// <summary>A model could not be got. The message is one line that says what to do.</summary>
internal sealed class HubException(string message, Exception? innerException = null) : IOException(message, innerException)
{
    /// <summary>Another try may succeed: the network, a limit of requests, a fault of the server.</summary>
    public bool MayPass { get; init; }

    /// <summary>How long the server asks to wait, or null.</summary>
    public TimeSpan? RetryAfter { get; init; }
}
