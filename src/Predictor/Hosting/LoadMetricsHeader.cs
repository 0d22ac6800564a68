using System.Globalization;
using KServePaged.Engine;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Hosting;

/// <summary>
/// The load of the engine as a header of the answer, for balancers that ask with <c>endpoint-load-metrics-format: text</c> or <c>json</c>
/// (an ORCA report in the spelling of Triton). Taken when the answer begins.
/// </summary>
internal static class LoadMetricsHeader
{
    public const string Name = "endpoint-load-metrics";

    /// <exception cref="RequestException">A format that does not exist.</exception>
    public static void Prepare(HttpContext context, ILlmEngine engine)
    {
        string format = context.Request.Headers[Name + "-format"].ToString().ToLowerInvariant();
        if (format is not ("" or "text" or "json"))
        {
            throw JsonFields.Invalid($"the header {Name}-format must be text or json, not '{format}'.", Name + "-format");
        }
        if (format.Length > 0)
        {
            context.Response.OnStarting(() =>
            {
                context.Response.Headers[Name] = Format(engine.Statistics, engine.Model.BlockTokens, asJson: format == "json");
                return Task.CompletedTask;
            });
        }
    }

    public static string Format(EngineStatistics load, int blockTokens, bool asJson)
    {
        (string Name, double Value)[] metrics =
        [
            ("kv_cache_utilization", load.TotalBlocks == 0 ? 0 : (double)load.UsedBlocks / load.TotalBlocks),
            ("max_token_capacity", (double)load.TotalBlocks * blockTokens),
            ("num_requests_running", load.RunningSequences),
            ("num_requests_waiting", load.WaitingSequences),
        ];
        return asJson
            ? $"JSON {{\"named_metrics\":{{{string.Join(',', metrics.Select(metric => $"\"{metric.Name}\":{Text(metric.Value)}"))}}}}}"
            : $"TEXT {string.Join(", ", metrics.Select(metric => $"named_metrics.{metric.Name}={Text(metric.Value)}"))}";
    }

    private static string Text(double value) => value.ToString("0.######", CultureInfo.InvariantCulture);
}
