using KServePaged.Engine.Contracts;

namespace KServePaged.Predictor.Errors;

/// <summary>Exceptions to replies, and replies to answers in the shape of the protocol that owns the request's path.</summary>
internal sealed partial class ErrorWriter(IEnumerable<IErrorShape> shapes, ILogger<ErrorWriter> logger)
{
    private readonly IErrorShape[] _shapes = [.. shapes];

    public Task WriteAsync(HttpContext context, ErrorReply reply)
    {
        HttpResponse response = context.Response;
        response.StatusCode = reply.Status.Http;
        if (reply.RetryAfter is { } retry)
        {
            foreach ((string name, string value) in RetryHint.Of(retry))
            {
                response.Headers[name] = value;
            }
        }
        return _shapes.First(shape => shape.Owns(context.Request)).WriteAsync(context, reply);
    }

    /// <summary>What the caller may know of an exception; what is the server's own fault goes to the log, once.</summary>
    public ErrorReply ReplyTo(Exception e, HttpContext context)
    {
        switch (e)
        {
            case RequestException refusal:
                if (refusal.Code == EngineErrorCode.Internal)
                {
                    LogFailed(refusal, context.TraceIdentifier);
                }
                return ErrorReply.From(refusal);
            case BadHttpRequestException bad:
                return ErrorReply.FromHttp(bad.StatusCode, bad.StatusCode switch
                {
                    413 => "The request body is larger than this server takes (--max_body_size).",
                    408 => "The request body did not arrive in time.",
                    _ => bad.Message,
                });
            default:
                LogFailed(e, context.TraceIdentifier);
                return ErrorReply.Unexpected(context.TraceIdentifier);
        }
    }

    [LoggerMessage(1003, LogLevel.Error, "Request {RequestId} failed")]
    private partial void LogFailed(Exception e, string requestId);
}
