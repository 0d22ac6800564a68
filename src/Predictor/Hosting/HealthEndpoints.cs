using System.Text.Json;
using KServePaged.Predictor.Errors;
using KServePaged.Predictor.Security;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Hosting;

/// <summary>Probes and identity that belong to no protocol. Empty 200 when well, as vLLM; a reason and progress in JSON when not.</summary>
internal static class HealthEndpoints
{
    public static void MapHealth(this IEndpointRouteBuilder routes)
    {
        string[] readMethods = ["GET", "HEAD"];
        routes.MapMethods("/health", readMethods, WriteReadiness).WithMetadata(OpenToAll.Instance);
        routes.MapMethods("/ping", ["GET", "HEAD", "POST"], WriteReadiness).WithMetadata(OpenToAll.Instance);
        routes.MapMethods("/", readMethods, context => WriteJsonAsync(context, 200, json => json.WriteString("status", "alive")))
            .WithMetadata(OpenToAll.Instance);
        routes.MapGet("/version", context => WriteJsonAsync(context, 200, json => json.WriteString("version", ProductInfo.Version)));
    }

    /// <summary>What is being done and how far, for whoever reads a failing probe.</summary>
    public static void WriteReport(Utf8JsonWriter json, HealthReport report)
    {
        json.WriteString("status", report.Stage);
        if (report.BytesTotal > 0)
        {
            json.WriteNumber("bytes_done", report.BytesDone);
            json.WriteNumber("bytes_total", report.BytesTotal);
        }
        if (report.Remaining is { } remaining)
        {
            json.WriteNumber("eta_seconds", Math.Round(remaining.TotalSeconds, 1));
        }
        if (report.Message is { } message)
        {
            json.WriteString("message", message);
        }
    }

    private static Task WriteReadiness(HttpContext context)
    {
        HealthReport report = context.RequestServices.GetRequiredService<ModelRepository>().Health;
        if (report.Ready)
        {
            context.Response.ContentLength = 0;
            return Task.CompletedTask;
        }
        foreach ((string name, string value) in RetryHint.Of(TimeSpan.FromSeconds(1)))
        {
            context.Response.Headers[name] = value;
        }
        return WriteJsonAsync(context, 503, json => WriteReport(json, report));
    }

    private static Task WriteJsonAsync(HttpContext context, int status, Action<Utf8JsonWriter> writeMembers)
    {
        context.Response.StatusCode = status;
        return JsonReply.WriteAsync(context, json =>
        {
            json.WriteStartObject();
            writeMembers(json);
            json.WriteEndObject();
        });
    }
}
