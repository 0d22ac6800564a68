using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Errors;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace KServePaged.Predictor.Transport.Grpc;

/// <summary>
/// The server side of gRPC over Kestrel's HTTP/2: maps methods, makes each call's context, and turns its end into a status. An error
/// before the first message is one Trailers-Only block, after it trailers.
/// </summary>
internal static partial class GrpcEndpoints
{
    public const string ContentType = "application/grpc";

    public static IEndpointConventionBuilder MapGrpc(this IEndpointRouteBuilder routes, GrpcMethod method, GrpcLimits limits)
    {
        ILogger logger = routes.ServiceProvider.GetRequiredService<ILoggerFactory>().CreateLogger("KServePaged.Grpc");
        TimeProvider clock = routes.ServiceProvider.GetRequiredService<TimeProvider>();
        OpenCalls open = routes.ServiceProvider.GetRequiredService<OpenCalls>();
        return routes.Map(method.Path, http => InvokeAsync(http, method, limits, clock, open, logger)).WithMetadata(UnlimitedBody.Instance);
    }

    public static bool IsGrpc(HttpRequest request) =>
        request.ContentType is { } type
        && type.StartsWith(ContentType, StringComparison.OrdinalIgnoreCase)
        && (type.Length == ContentType.Length || type[ContentType.Length] is '+' or ';');

    /// <summary>Ends a call that has sent nothing yet.</summary>
    public static void WriteStatusOnly(HttpResponse response, GrpcStatusCode status, string message)
    {
        Begin(response);
        WriteStatus(response.Headers, status, message);
    }

    private static async Task InvokeAsync(HttpContext http, GrpcMethod method, GrpcLimits limits, TimeProvider clock, OpenCalls open, ILogger logger)
    {
        if (!HttpMethods.IsPost(http.Request.Method) || !IsGrpc(http.Request) || !HttpProtocol.IsHttp2(http.Request.Protocol))
        {
            // Not gRPC at all: an HTTP answer, since the caller reads no trailers.
            http.Response.StatusCode = HttpMethods.IsPost(http.Request.Method) ? StatusCodes.Status415UnsupportedMediaType : StatusCodes.Status405MethodNotAllowed;
            return;
        }
        if (http.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
        {
            rate.MinDataRate = null; // an open stream may be silent for long
        }
        GrpcCallContext? call = null;
        CancellationTokenSource? late = null;
        try
        {
            TimeSpan? timeout = GrpcTimeout.Parse(http.Request.Headers.GrpcTimeout is [{ } value] ? value : null);
            // A source that cancels itself, not a timer that cancels a source: a timer may still fire when its call has ended.
            late = timeout is { } limit ? new CancellationTokenSource(Capped(limit), clock) : null;
            using CancellationTokenSource? ended = late is null ? null : CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, late.Token);
            call = new GrpcCallContext(
                GrpcMetadata.Of(http.Request.Headers), http.TraceIdentifier, timeout is null ? null : clock.GetUtcNow() + timeout, open.Drained, ended?.Token ?? http.RequestAborted);
            Begin(http.Response);
            await method.InvokeAsync(http, call, limits).ConfigureAwait(false);
            call.WriteHeaders(http.Response);
            Finish(http.Response, call, GrpcStatusCode.Ok, "");
        }
        catch (Exception e) when (http.RequestAborted.IsCancellationRequested || e is IOException)
        {
            // A reset is seen by the reader, as an IOException, before it cancels the request. Nobody reads a status any more; should
            // the exception be another's, it is not left without one.
            LogCallerLeft(logger, e, http.TraceIdentifier, method.Path);
            Finish(http.Response, call, GrpcStatusCode.Internal, ErrorReply.Unexpected(http.TraceIdentifier).Message);
        }
        catch (OperationCanceledException) when (late is { IsCancellationRequested: true }) // the caller is still there
        {
            Finish(http.Response, call, GrpcStatusCode.DeadlineExceeded, "the deadline of the call has passed.");
        }
        catch (GrpcException failure)
        {
            Finish(http.Response, call, failure.Status, failure.Message);
        }
        catch (RequestException refusal)
        {
            ErrorReply reply = ErrorReply.From(refusal);
            if (reply.RetryAfter is { } after)
            {
                foreach ((string name, string value) in RetryHint.OfGrpc(after, call?.Deadline - clock.GetUtcNow()))
                {
                    call?.ResponseTrailers.Add(name, value);
                }
            }
            Finish(http.Response, call, reply.Status.Grpc, reply.Message);
        }
        catch (Exception failure)
        {
            LogFailed(logger, failure, http.TraceIdentifier, method.Path);
            Finish(http.Response, call, GrpcStatusCode.Internal, ErrorReply.Unexpected(http.TraceIdentifier).Message);
        }
        finally
        {
            late?.Dispose();
        }
    }

    private static void Begin(HttpResponse response)
    {
        response.StatusCode = StatusCodes.Status200OK;
        response.ContentType = ContentType;
        if (response.HttpContext.Request.Headers.GrpcEncoding.Count > 0)
        {
            response.Headers.GrpcAcceptEncoding = GrpcEncoding.Accepted; // who compresses nothing need not know, and each header has its price
        }
    }

    private static void Finish(HttpResponse response, GrpcCallContext? call, GrpcStatusCode status, string message)
    {
        if (response.HasStarted || call is { HasMessage: true })
        {
            IHeaderDictionary trailers = response.HttpContext.Features.GetRequiredFeature<IHttpResponseTrailersFeature>().Trailers;
            call?.WriteTrailers(trailers);
            WriteStatus(trailers, status, message);
            return;
        }
        Begin(response);
        call?.WriteHeaders(response);
        call?.WriteTrailers(response.Headers);
        WriteStatus(response.Headers, status, message);
    }

    private static void WriteStatus(IHeaderDictionary headers, GrpcStatusCode status, string message)
    {
        headers.GrpcStatus = ((int)status).ToString(System.Globalization.CultureInfo.InvariantCulture);
        if (message.Length > 0)
        {
            headers.GrpcMessage = GrpcMetadata.Escape(message);
        }
    }

    // Timers take at most 49 days; a deadline beyond that never fires in practice.
    private static TimeSpan Capped(TimeSpan? timeout) => timeout < TimeSpan.FromDays(49) ? timeout.Value : Timeout.InfiniteTimeSpan;

    [LoggerMessage(1201, LogLevel.Debug, "Call {RequestId} to {Method}: the caller left")]
    private static partial void LogCallerLeft(ILogger logger, Exception exception, string requestId, string method);

    [LoggerMessage(1202, LogLevel.Error, "Call {RequestId} to {Method} failed")]
    private static partial void LogFailed(ILogger logger, Exception failure, string requestId, string method);
}
