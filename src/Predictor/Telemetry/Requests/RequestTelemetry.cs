using System.Diagnostics;
using KServePaged.Predictor.Security;
using KServePaged.Predictor.Telemetry.Traces;

namespace KServePaged.Predictor.Telemetry.Requests;

/// <summary>
/// Begins and ends the record of each request: its span, its names in the logs, its line in the log of requests, its place in the metrics. A caller that left
/// before an answer counts as 499, as proxies log it.
/// </summary>
internal sealed class RequestTelemetry(RequestDelegate next, Tracing tracing, RequestLog log, HttpMetrics metrics, TimeProvider clock)
{
    private const int CallerLeft = 499;

    public async Task InvokeAsync(HttpContext context)
    {
        long began = clock.GetTimestamp();
        ActivityContext? caller = TraceParent.Of(context.Request);
        using Activity? activity = tracing.Begin(caller);
        ActivityContext? span = activity?.Context ?? (caller is { } given ? TraceParent.Below(given) : null);
        var record = new RequestRecord(context.TraceIdentifier, span);
        RequestRecord.Current = record; // ends with this method, like every AsyncLocal
        if (span is { } own)
        {
            context.Response.Headers[TraceParent.Header] = TraceParent.Text(own);
        }
        try
        {
            await next(context).ConfigureAwait(false);
        }
        finally
        {
            int status = !context.Response.HasStarted && context.RequestAborted.IsCancellationRequested ? CallerLeft : context.Response.StatusCode;
            TimeSpan duration = clock.GetElapsedTime(began);
            metrics.Record(context, status, duration.TotalSeconds);
            if (activity is not null || log.IsOn)
            {
                Tell(context, record, activity, status, duration);
            }
        }
    }

    private void Tell(HttpContext context, RequestRecord record, Activity? activity, int status, TimeSpan duration)
    {
        // Probes and scrapes come every second and say nothing of the work.
        bool isTold = context.GetEndpoint()?.Metadata.GetMetadata<OpenToAll>() is null;
        if (activity is not null)
        {
            HttpSpan.End(activity, context, record, status, isTold);
        }
        if (isTold)
        {
            log.Write(context, record, status, duration);
        }
    }
}
