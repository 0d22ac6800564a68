using System.Diagnostics.Metrics;

namespace KServePaged.Predictor.Telemetry;

/// <summary>Counts and times every request under the names of vLLM's front end. The handler is a route's pattern, so labels stay few.</summary>
internal sealed class HttpMetrics : IDisposable
{
    private static readonly string[] Methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"];

    private readonly Meter _meter = new("KServePaged.Http");
    private readonly Counter<long> _requests;
    private readonly Histogram<double> _durations;

    public HttpMetrics()
    {
        _requests = _meter.CreateCounter<long>("http_requests", description: "Requests by route, method and status.");
        _durations = _meter.CreateHistogram(
            "http_request_duration_seconds", description: "From the request's headers to the end of its answer.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [.001, .005, .01, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300] });
    }

    public void Record(HttpContext context, int status, double seconds)
    {
        // A route that does not exist, and a method made up by the caller, must not become a label value of its own.
        string handler = (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText ?? "none";
        string method = Methods.Contains(context.Request.Method) ? context.Request.Method : "other";
        _requests.Add(1, new("handler", handler), new("method", method), new("status", status));
        _durations.Record(seconds, new("handler", handler), new("method", method));
    }

    public void Dispose() => _meter.Dispose();
}
