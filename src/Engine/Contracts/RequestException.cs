namespace KServePaged.Engine.Contracts;

/// <summary>A request that cannot be served, with a message for its caller.</summary>
public sealed class RequestException : Exception
{
    /// <param name="code">What kind of refusal.</param>
    /// <param name="message">One sentence that names the field, its value and the limit.</param>
    /// <param name="parameter">The field at fault as the engine names it (<c>max_tokens</c>), or null.</param>
    public RequestException(EngineErrorCode code, string message, string? parameter = null, Exception? innerException = null)
        : base(message, innerException)
    {
        Code = code;
        Parameter = parameter;
    }

    public EngineErrorCode Code { get; }

    public string? Parameter { get; }

    /// <summary>How long the caller should wait before another try, where the engine can tell.</summary>
    public TimeSpan? RetryAfter { get; init; }
}
