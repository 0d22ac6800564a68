namespace KServePaged.Engine.Contracts;

/// <summary>Why one output ended.</summary>
public enum FinishReason
{
    /// <summary>An end token, a stop id or a stop string.</summary>
    Stop,

    /// <summary>MaxTokens or the end of the context.</summary>
    Length,

    /// <summary>The caller left or the server stopped.</summary>
    Abort,

    /// <summary>The engine failed.</summary>
    Error,
}
