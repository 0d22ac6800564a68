namespace KServePaged.Engine.Contracts;

/// <summary>Why the engine refused or ended a request. The predictor maps each to the status of its protocols in one table.</summary>
public enum EngineErrorCode
{
    /// <summary>A field of the request is malformed or out of range.</summary>
    InvalidArgument,

    /// <summary>The prompt, or the tokens asked for, exceed the model's context.</summary>
    ContextTooLong,

    /// <summary>The named model is not served here.</summary>
    ModelNotFound,

    /// <summary>The request is valid, but this model cannot do it (chat without a template, text without a tokenizer).</summary>
    Unsupported,

    /// <summary>The model is still loading.</summary>
    NotReady,

    /// <summary>The server drains and takes no new requests.</summary>
    Draining,

    /// <summary>The queue is full; try again later.</summary>
    Overloaded,

    /// <summary>The deadline passed before the generation ended.</summary>
    DeadlineExceeded,

    /// <summary>The engine failed; the request may succeed elsewhere.</summary>
    Internal,
}
