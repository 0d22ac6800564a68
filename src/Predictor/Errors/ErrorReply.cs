using KServePaged.Engine.Contracts;

namespace KServePaged.Predictor.Errors;

/// <summary>An error as it goes to a caller, before it has a protocol's shape.</summary>
/// <param name="Parameter">The field at fault, or null.</param>
/// <param name="RetryAfter">When another try makes sense, or null.</param>
internal sealed record ErrorReply(ErrorStatus Status, string Message, string? Parameter = null, TimeSpan? RetryAfter = null)
{
    public static ErrorReply From(RequestException refusal) =>
        new(ErrorMap.Of(refusal.Code), refusal.Message, refusal.Parameter, refusal.RetryAfter ?? DefaultRetry(refusal.Code));

    public static ErrorReply FromHttp(int status, string message) => new(ErrorMap.OfHttp(status), message);

    /// <summary>For an exception nobody foresaw: nothing of it may leak, the log has it under this id.</summary>
    public static ErrorReply Unexpected(string requestId) => FromHttp(500, $"The server failed to answer this request. Its log says why, under id {requestId}.");

    private static TimeSpan? DefaultRetry(EngineErrorCode code) => code switch
    {
        EngineErrorCode.Overloaded or EngineErrorCode.Draining or EngineErrorCode.NotReady => TimeSpan.FromSeconds(1),
        _ => null,
    };
}
