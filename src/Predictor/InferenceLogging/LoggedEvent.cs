namespace KServePaged.Predictor.InferenceLogging;

/// <summary>One CloudEvent on its way to the sink.</summary>
/// <param name="Size">Bytes reserved for it, to be given back.</param>
/// <param name="Content">Null = left out, since there was too much of it.</param>
/// <param name="OmittedBytes">How much was left out; 0 = nothing.</param>
/// <param name="IsIncomplete">The caller left, or the server failed, before the answer had ended.</param>
internal sealed record LoggedEvent(
    string Id, string Type, DateTimeOffset At, string? TraceParent, string ContentType, long Size, Func<ReadOnlyMemory<byte>>? Content, long OmittedBytes = 0,
    bool IsIncomplete = false)
{
    /// <summary>The types of KServe's logger, which existing sinks know.</summary>
    public const string RequestType = "org.kubeflow.serving.inference.request";

    public const string ResponseType = "org.kubeflow.serving.inference.response";
}
