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
        catch (Exception e) when (context.RequestAborted.IsCancellationRequested && e is not BadHttpRequestException)
        {
            LogCallerLeft(context.TraceIdentifier, e.GetType().Name);
            return;
        }
        catch (BadHttpRequestException) when (context.RequestAborted.IsCancellationRequested)
        {
            throw; // the caller left within the body; Kestrel must see it, or it looks for another request on the dead connection
        }
        catch (Exception e) when (context.Response.HasStarted)
        {
            LogFailedMidway(e, context.TraceIdentifier);
            context.Abort(); // the status is out: only a cut connection still tells the caller
            return;
        }
        catch (Exception e)
        {
            await errors.WriteAsync(context, errors.ReplyTo(e, context)).ConfigureAwait(false);
            return;
        }
        if (context.Response is { HasStarted: false, StatusCode: 404 or 405, ContentLength: null, ContentType: null } response)
        {
            await errors.WriteAsync(context, OfRouter(response.StatusCode, context.Request)).ConfigureAwait(false);
        }
    }

    private static ErrorReply OfRouter(int status, HttpRequest request) => ErrorReply.FromHttp(
        status, status == 404 ? $"There is nothing at {request.Path}." : $"{request.Path} does not take {request.Method}.");

    [LoggerMessage(1001, LogLevel.Debug, "Request {RequestId}: the caller left ({Exception})")]
    private partial void LogCallerLeft(string requestId, string exception);

    [LoggerMessage(1002, LogLevel.Error, "Request {RequestId} failed after its answer had begun")]
    private partial void LogFailedMidway(Exception e, string requestId);
}
