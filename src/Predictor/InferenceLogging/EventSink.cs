using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using KServePaged.Predictor.Configuration;
using KServePaged.Predictor.Telemetry;

namespace KServePaged.Predictor.InferenceLogging;

/// <summary>Posts events in CloudEvents' binary mode, with retries and growing pauses. Several senders at a time.</summary>
internal sealed class EventSink(Uri url, InferenceLogOptions options, TelemetryLosses losses, TimeProvider clock, InferenceLogLog log) : IDisposable
{
    // A sink that restarts is back within them; meanwhile the queue holds what comes.
    private static readonly TimeSpan[] Pauses = [TimeSpan.FromSeconds(0.25), TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(4)];

    private static readonly TimeSpan AttemptLimit = TimeSpan.FromSeconds(5);

    private readonly HttpClient _http = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        PooledConnectionLifetime = TimeSpan.FromMinutes(5), // a Service's address may come to mean other pods
        ActivityHeadersPropagator = null,
    });

    private volatile bool _fails;

    /// <summary>Returns when the sink has taken it, or when it is given up and counted.</summary>
    public async Task SendAsync(LoggedEvent one, CancellationToken stopped)
    {
        ReadOnlyMemory<byte> content = one.Content?.Invoke() ?? default;
        for (int attempt = 0; ; attempt++)
        {
            (int? status, string reason) = await TryAsync(one, content, stopped).ConfigureAwait(false);
            if (status is >= 200 and < 300)
            {
                losses.EventSent();
                Tell(fails: false, reason);
                return;
            }
            if (status is >= 300 and < 500 and not 408 and not 429)
            {
                log.SinkRefuses(status.Value);
                losses.Event("refused");
                return;
            }
            Tell(fails: true, reason);
            if (attempt == Pauses.Length || !await PauseAsync(Pauses[attempt], stopped).ConfigureAwait(false))
            {
                losses.Event(stopped.IsCancellationRequested ? "shutdown" : "failed");
                return;
            }
        }
    }

    public void Dispose() => _http.Dispose();

    /// <returns>The status, or null with what went wrong.</returns>
    private async Task<(int? Status, string Reason)> TryAsync(LoggedEvent one, ReadOnlyMemory<byte> content, CancellationToken stopped)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stopped);
        limit.CancelAfter(AttemptLimit);
        try
        {
            using HttpRequestMessage message = Message(one, content);
            using HttpResponseMessage answer = await _http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, limit.Token).ConfigureAwait(false);
            return ((int)answer.StatusCode, $"status {(int)answer.StatusCode}");
        }
        catch (HttpRequestException e)
        {
            return (null, e.Message);
        }
        catch (OperationCanceledException)
        {
            return (null, string.Create(CultureInfo.InvariantCulture, $"no answer within {AttemptLimit.TotalSeconds} s"));
        }
    }

    private HttpRequestMessage Message(LoggedEvent one, ReadOnlyMemory<byte> content)
    {
        var message = new HttpRequestMessage(HttpMethod.Post, url) { Version = HttpVersion.Version11, Content = new ReadOnlyMemoryContent(content) };
        message.Content.Headers.ContentType = MediaTypeHeaderValue.TryParse(one.ContentType, out MediaTypeHeaderValue? type) ? type : new(InferenceLog.Json);
        void Attribute(string name, string? value)
        {
            if (value is { Length: > 0 })
            {
                message.Headers.TryAddWithoutValidation("ce-" + name, value);
            }
        }
        Attribute("specversion", "1.0");
        Attribute("id", one.Id);
        Attribute("type", one.Type);
        Attribute("source", options.Source);
        Attribute("time", one.At.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture));
        Attribute("inferenceservicename", options.Service);
        Attribute("namespace", options.Namespace);
        Attribute("component", "predictor");
        Attribute("endpoint", options.Endpoint);
        Attribute("traceparent", one.TraceParent);
        Attribute("omittedbytes", one.OmittedBytes > 0 ? one.OmittedBytes.ToString(CultureInfo.InvariantCulture) : null);
        Attribute("incomplete", one.IsIncomplete ? "true" : null);
        return message;
    }

    private void Tell(bool fails, string reason)
    {
        if (_fails == fails)
        {
            return;
        }
        _fails = fails;
        if (fails)
        {
            log.SinkFails(reason);
        }
        else
        {
            log.SinkWorks();
        }
    }

    /// <returns>False: the server stops.</returns>
    private async Task<bool> PauseAsync(TimeSpan pause, CancellationToken stopped)
    {
        await Task.Delay(pause, clock, stopped).ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default).ConfigureAwait(false);
        return !stopped.IsCancellationRequested;
    }
}
