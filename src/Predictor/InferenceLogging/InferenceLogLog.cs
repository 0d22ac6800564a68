namespace KServePaged.Predictor.InferenceLogging;

/// <summary>What is said of the sink. Event ids 1400…. Once when it stops taking events and once when it takes them again, not for each.</summary>
internal sealed partial class InferenceLogLog(ILogger logger)
{
    [LoggerMessage(1400, LogLevel.Warning, "The sink of the inference log takes no events ({Reason}); what does not fit the queue is dropped, see kservepaged_inference_log_dropped_total")]
    public partial void SinkFails(string reason);

    [LoggerMessage(1401, LogLevel.Information, "The sink of the inference log takes events again")]
    public partial void SinkWorks();

    [LoggerMessage(1402, LogLevel.Warning, "The sink of the inference log refuses events with status {Status}")]
    public partial void SinkRefuses(int status);
}
