using KServePaged.Predictor.Security;

namespace KServePaged.Predictor.Telemetry;

/// <summary>GET /metrics. Needs no key: scrapers and autoscalers have none, and it holds counts, never content.</summary>
internal static class MetricsEndpoint
{
    public static IServiceCollection AddMetricsExposition(this IServiceCollection services) =>
        services.AddSingleton<MetricsRegistry>().AddSingleton<ProcessMetrics>().AddSingleton<HttpMetrics>();

    public static void MapMetrics(this IEndpointRouteBuilder routes)
    {
        // Both listen from the start of the process, not from the first scrape.
        MetricsRegistry registry = routes.ServiceProvider.GetRequiredService<MetricsRegistry>();
        routes.ServiceProvider.GetRequiredService<ProcessMetrics>();
        routes.MapGet("/metrics", (HttpContext context) =>
        {
            context.Response.ContentType = PrometheusText.ContentType;
            return context.Response.WriteAsync(registry.Scrape(), context.RequestAborted);
        }).WithMetadata(OpenToAll.Instance);
    }
}
