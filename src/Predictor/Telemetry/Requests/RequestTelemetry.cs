using System.Diagnostics;
using KServePaged.Predictor.Security;
using KServePaged.Predictor.Telemetry.Traces;

namespace KServePaged.Predictor.Telemetry.Requests;

/// <summary>Begins and ends the record of each request: its span, its names in the logs, its line in the log of requests.</summary>
internal sealed class RequestTelemetry(RequestDelegate next, Tracing tracing, RequestLog log, TimeProvider clock)
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
            if (activity is not null || log.IsOn)
            {
                Tell(context, record, activity, began);
            }
        }
    }

    private void Tell(HttpContext context, RequestRecord record, Activity? activity, long began)
    {
        // Probes and scrapes come every second and say nothing of the work.
        bool isTold = context.GetEndpoint()?.Metadata.GetMetadata<OpenToAll>() is null;
        int status = context.RequestAborted.IsCancellationRequested && !context.Response.HasStarted ? CallerLeft : context.Response.StatusCode;
        if (activity is not null)
        {
            HttpSpan.End(activity, context, record, status, isTold);
        }
        if (isTold)
        {
            log.Write(context, record, status, clock.GetElapsedTime(began));
        }
    }
}
