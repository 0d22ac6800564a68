using System.Threading.Channels;
using KServePaged.Predictor.Configuration;
using KServePaged.Predictor.Telemetry;

namespace KServePaged.Predictor.InferenceLogging;

/// <summary>
/// Requests and answers as CloudEvents, posted behind the requests' backs. Whoever adds an event never waits: the queue is bounded in events
/// and in bytes, and what finds no place is dropped and counted. Any thread.
/// </summary>
internal sealed class InferenceLog : IAsyncDisposable
{
    public const string Json = "application/json";

    /// <summary>Events that wait.</summary>
    public const int Capacity = 1024;

    /// <summary>Bytes of all contents that wait or still grow.</summary>
    public const long CapacityBytes = 64 << 20;

    private const int SenderCount = 4;

    // A pod has 30 s to end, and the drain may take most of them.
    private static readonly TimeSpan FlushLimit = TimeSpan.FromSeconds(2);

    private readonly InferenceLogOptions _options;
    private readonly TelemetryLosses _losses;
    private readonly TimeProvider _clock;
    private readonly Channel<LoggedEvent> _waiting = Channel.CreateBounded<LoggedEvent>(Capacity);
    private readonly CancellationTokenSource _stopped = new();
    private readonly EventSink? _sink;
    private readonly Task[] _senders = [];
    private long _bytes;

    public InferenceLog(ServerOptions options, TelemetryLosses losses, TimeProvider clock, ILoggerFactory loggers)
    {
        _options = options.InferenceLog;
        _losses = losses;
        _clock = clock;
        if (_options.Url is { } url)
        {
            _sink = new EventSink(url, _options, losses, clock, new InferenceLogLog(loggers.CreateLogger("KServePaged.InferenceLog")));
            _senders = [.. Enumerable.Range(0, SenderCount).Select(_ => Task.Run(SendAsync))];
        }
    }

    public bool WantsRequests => _options.Mode != InferenceLogMode.Response;

    public bool WantsResponses => _options.Mode != InferenceLogMode.Request;

    public DateTimeOffset Now => _clock.GetUtcNow();

    /// <summary>Begins to take down one request.</summary>
    /// <param name="id">The id of both its events.</param>
    /// <returns>Null when nothing is logged.</returns>
    public Exchange? Begin(string id, string? traceParent) => _sink is null ? null : new Exchange(this, id, traceParent);

    /// <summary>Takes room for content.</summary>
    /// <param name="whole">Bytes of the content so far.</param>
    /// <param name="more">Bytes of them that are new.</param>
    /// <returns>False: it is larger than an event may be, or there is no room; nothing is taken then.</returns>
    public bool TryReserve(long whole, long more)
    {
        if (whole > _options.MaxEventBytes)
        {
            return false;
        }
        if (Interlocked.Add(ref _bytes, more) <= CapacityBytes)
        {
            return true;
        }
        Release(more);
        return false;
    }

    public void Release(long bytes) => Interlocked.Add(ref _bytes, -bytes);

    public void Add(LoggedEvent one)
    {
        if (!_waiting.Writer.TryWrite(one))
        {
            Drop(one, "queue_full");
        }
    }

    public async ValueTask DisposeAsync()
    {
        _waiting.Writer.TryComplete();
        Task all = Task.WhenAll(_senders);
        await Task.WhenAny(all, Task.Delay(FlushLimit)).ConfigureAwait(false);
        await _stopped.CancelAsync().ConfigureAwait(false);
        await all.ConfigureAwait(false);
        _sink?.Dispose();
        _stopped.Dispose();
    }

    private async Task SendAsync()
    {
        await foreach (LoggedEvent one in _waiting.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            if (_stopped.IsCancellationRequested)
            {
                Drop(one, "shutdown");
                continue;
            }
            await _sink!.SendAsync(one, _stopped.Token).ConfigureAwait(false); // there are senders only with a sink
            Release(one.Size);
        }
    }

    private void Drop(LoggedEvent one, string reason)
    {
        Release(one.Size);
        _losses.Event(reason);
    }
}
