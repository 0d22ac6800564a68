using KServePaged.Predictor.Telemetry.Requests;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.InferenceLogging;

/// <summary>Puts a tape into each inference over HTTP, and hands in what is on it when the request has ended. gRPC's handlers do it for themselves.</summary>
internal sealed class InferenceLogMiddleware(RequestDelegate next, InferenceLog log)
{
    private const string EventId = "ce-id";

    private static readonly string[] Ends = ["/infer", "/generate", "/generate_stream", ":predict", "/v1/completions", "/v1/chat/completions"];

    public async Task InvokeAsync(HttpContext context)
    {
        if (!IsInference(context.Request) || log.Begin(IdOf(context), TraceParentOf(RequestRecord.Current)) is not { } exchange)
        {
            await next(context).ConfigureAwait(false);
            return;
        }
        context.Features.Set<IBodyTape>(exchange);
        try
        {
            await next(context).ConfigureAwait(false);
        }
        finally
        {
            exchange.End(context.Response.StatusCode is >= 200 and < 300, !context.RequestAborted.IsCancellationRequested);
        }
    }

    /// <summary>For the attribute of CloudEvents' tracing extension.</summary>
    public static string? TraceParentOf(RequestRecord? record) => record?.Span is { } span ? TraceParent.Text(span) : null;

    private static bool IsInference(HttpRequest request) =>
        HttpMethods.IsPost(request.Method) && request.Path.Value is { } path && Ends.Any(end => path.EndsWith(end, StringComparison.Ordinal))
        && !path.StartsWith("/v2/repository/", StringComparison.Ordinal);

    // As KServe's agent: the caller's event id goes through, so that a sink can join what a chain of services did.
    private static string IdOf(HttpContext context) =>
        context.Request.Headers[EventId] is [{ } given] && RequestIds.IsUsable(given) ? given : context.TraceIdentifier;
}
