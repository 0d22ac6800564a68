namespace KServePaged.Predictor.Telemetry;

/// <summary>Feeds <see cref="HttpMetrics"/>. A caller that left before an answer counts as 499, as proxies log it.</summary>
internal sealed class HttpMetricsMiddleware(RequestDelegate next, HttpMetrics metrics, TimeProvider clock)
{
    private static readonly string[] Methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"];

    public async Task InvokeAsync(HttpContext context)
    {
        long began = clock.GetTimestamp();
        try
        {
            await next(context).ConfigureAwait(false);
        }
        finally
        {
            // A route that does not exist, and a method made up by the caller, must not become a label value of its own.
            string handler = (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText ?? "none";
            string method = Methods.Contains(context.Request.Method) ? context.Request.Method : "other";
            int status = context.RequestAborted.IsCancellationRequested && !context.Response.HasStarted ? 499 : context.Response.StatusCode;
            metrics.Record(handler, method, status, clock.GetElapsedTime(began).TotalSeconds);
        }
    }
}
