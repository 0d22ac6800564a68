namespace KServePaged.Predictor.Protocols.KServeV1.CloudEvents;

/// <summary>How an event travels in HTTP.</summary>
internal enum CloudEventMode
{
    /// <summary>Attributes in <c>ce-…</c> headers, the data is the body.</summary>
    Binary,

    /// <summary>Attributes and data in one JSON object.</summary>
    Structured,
}
