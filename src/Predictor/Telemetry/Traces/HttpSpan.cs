using System.Diagnostics;
using System.Globalization;
using KServePaged.Predictor.Telemetry.Requests;
using Microsoft.AspNetCore.Http.Features;

namespace KServePaged.Predictor.Telemetry.Traces;

/// <summary>What the span of a request says, in OpenTelemetry's conventions for HTTP and RPC.</summary>
internal static class HttpSpan
{
    private const string GrpcStatus = "grpc-status";

    /// <param name="isTold">False: the span is thrown away.</param>
    public static void End(Activity activity, HttpContext context, RequestRecord record, int status, bool isTold)
    {
        if (!isTold)
        {
            activity.ActivityTraceFlags &= ~ActivityTraceFlags.Recorded;
            activity.IsAllDataRequested = false;
            return;
        }
        if (!activity.IsAllDataRequested)
        {
            return;
        }
        string? route = (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText;
        activity.SetTag("kservepaged.request.id", record.RequestId);
        activity.SetTag("network.protocol.version", context.Request.Protocol.Split('/')[^1]);
        activity.SetTag("url.scheme", context.Request.Scheme);
        activity.SetTag("url.path", context.Request.Path.Value);
        activity.SetTag("http.request.method", context.Request.Method);
        activity.SetTag("http.route", route);
        activity.SetTag("http.response.status_code", status);
        activity.SetTag("user_agent.original", context.Request.Headers.UserAgent is [{ } agent] ? agent : null);
        activity.SetTag("gen_ai.request.model", record.Model);
        bool isServersFault = status >= 500;
        if (GrpcStatusOf(context.Response) is { } grpc)
        {
            string[] method = context.Request.Path.Value!.Split('/'); // a path is there, and gRPC's has two parts
            activity.DisplayName = string.Join('/', method.Skip(1));
            activity.SetTag("rpc.system", "grpc").SetTag("rpc.service", method.ElementAtOrDefault(1)).SetTag("rpc.method", method.ElementAtOrDefault(2));
            activity.SetTag("rpc.grpc.status_code", grpc);
            isServersFault = grpc is 2 or 4 or 12 or 13 or 14 or 15; // as the conventions tell a server's faults from its callers'
        }
        else
        {
            activity.DisplayName = route is null ? context.Request.Method : $"{context.Request.Method} {route}";
        }
        if (isServersFault)
        {
            activity.SetTag("error.type", status.ToString(CultureInfo.InvariantCulture));
            activity.SetStatus(ActivityStatusCode.Error);
        }
    }

    private static int? GrpcStatusOf(HttpResponse response)
    {
        string? text = response.Headers[GrpcStatus] is [{ } alone] ? alone
            : response.HttpContext.Features.Get<IHttpResponseTrailersFeature>()?.Trailers[GrpcStatus] is [{ } trailer] ? trailer
            : null;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int status) ? status : null;
    }
}
