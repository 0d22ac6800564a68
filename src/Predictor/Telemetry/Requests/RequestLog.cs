using System.Globalization;
using KServePaged.Predictor.Configuration;

namespace KServePaged.Predictor.Telemetry.Requests;

/// <summary>One line for each request when it has ended. Event ids 1300….</summary>
internal sealed partial class RequestLog(ServerOptions options, ILoggerFactory loggers)
{
    private readonly ILogger _logger = loggers.CreateLogger("KServePaged.Requests");

    public bool IsOn => options.Log.Requests;

    public void Write(HttpContext context, RequestRecord record, int status, TimeSpan duration)
    {
        if (!IsOn)
        {
            return;
        }
        RequestTotals totals = record.Totals;
        if (totals.Generations == 0)
        {
            LogPlain(record.RequestId, context.Request.Method, context.Request.Path, status, duration.TotalSeconds);
            return;
        }
        LogGeneration(
            record.RequestId, context.Request.Method, context.Request.Path, status, duration.TotalSeconds, record.Model ?? "", totals.Generations,
            totals.PromptTokens, totals.CachedTokens, totals.CompletionTokens, totals.FinishReasons, totals.QueueTime.TotalSeconds,
            totals.FirstTokenTime?.TotalSeconds.ToString("0.000", CultureInfo.InvariantCulture) ?? "no");
        if (totals.Contents is var (prompt, output))
        {
            LogContents(record.RequestId, prompt, output);
        }
    }

    [LoggerMessage(1300, LogLevel.Information, "{RequestId} {Method} {Path} {Status} in {Seconds:0.000} s")]
    private partial void LogPlain(string requestId, string method, string path, int status, double seconds);

    [LoggerMessage(1301, LogLevel.Information, "{RequestId} {Method} {Path} {Status} in {Seconds:0.000} s: {Model}, generations {Generations}, prompt tokens {PromptTokens} of which cached {CachedTokens}, new tokens {CompletionTokens}, finish {FinishReasons}, queue {QueueSeconds:0.000} s, first token {FirstTokenSeconds} s")]
    private partial void LogGeneration(
        string requestId, string method, string path, int status, double seconds, string model, int generations, long promptTokens, long cachedTokens,
        long completionTokens, string finishReasons, double queueSeconds, string firstTokenSeconds);

    [LoggerMessage(1302, LogLevel.Information, "{RequestId} prompt: {Prompt} output: {Output}")]
    private partial void LogContents(string requestId, string prompt, string output);
}
