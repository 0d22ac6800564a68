using KServePaged.Engine.Contracts;

namespace KServePaged.Predictor.Errors;

/// <summary>The one place where an exception becomes an answer, and where the router's bare 404 and 405 get a body.</summary>
internal sealed partial class ErrorMiddleware(RequestDelegate next, ErrorWriter errors, ILogger<ErrorMiddleware> logger)
{
    public async Task InvokeAsync(HttpContext context)
    {
        try
        {
            await next(context).ConfigureAwait(false);
        }
        catch (Exception e) when (context.RequestAborted.IsCancellationRequested)
        {
            LogCallerLeft(context.TraceIdentifier, e.GetType().Name);
            return;
        }
        catch (Exception e) when (context.Response.HasStarted)
        {
            LogFailedMidway(e, context.TraceIdentifier);
            context.Abort(); // the status is out: only a cut connection still tells the caller
            return;
        }
        catch (Exception e)
        {
            await errors.WriteAsync(context, ReplyTo(e, context)).ConfigureAwait(false);
            return;
        }
        if (context.Response is { HasStarted: false, StatusCode: 404 or 405, ContentLength: null, ContentType: null } response)
        {
            await errors.WriteAsync(context, OfRouter(response.StatusCode, context.Request)).ConfigureAwait(false);
        }
    }

    private ErrorReply ReplyTo(Exception e, HttpContext context)
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

    private static ErrorReply OfRouter(int status, HttpRequest request) => ErrorReply.FromHttp(
        status, status == 404 ? $"There is nothing at {request.Path}." : $"{request.Path} does not take {request.Method}.");

    [LoggerMessage(1001, LogLevel.Debug, "Request {RequestId}: the caller left ({Exception})")]
    private partial void LogCallerLeft(string requestId, string exception);

    [LoggerMessage(1002, LogLevel.Error, "Request {RequestId} failed after its answer had begun")]
    private partial void LogFailedMidway(Exception e, string requestId);

    [LoggerMessage(1003, LogLevel.Error, "Request {RequestId} failed")]
    private partial void LogFailed(Exception e, string requestId);
}
