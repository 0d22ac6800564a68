using System.Buffers;
using System.Text.Json;

namespace KServePaged.Predictor.Transport;

/// <summary>
/// A stream of server-sent events, one JSON value each. Every event is flushed and awaited: a reader that is slow holds back whoever
/// writes, and nothing piles up here. One writer at a time.
/// </summary>
internal sealed class ServerSentEvents : IDisposable
{
    private const string ContentType = "text/event-stream; charset=utf-8";

    private readonly HttpContext _context;
    private readonly IBodyTape? _tape;
    private readonly ArrayBufferWriter<byte> _event = new();
    private readonly Utf8JsonWriter _json;

    public ServerSentEvents(HttpContext context)
    {
        _context = context;
        _tape = context.Features.Get<IBodyTape>();
        _json = new Utf8JsonWriter(_event, JsonReply.Options);
    }

    /// <summary>Sends status and headers, so that the caller knows its request was accepted; once.</summary>
    public Task StartAsync() => StartAsync(_context);

    /// <summary>Something for people and proxies, which readers of events skip. Starts the stream.</summary>
    /// <param name="text">One line.</param>
    public static async Task CommentAsync(HttpContext context, string text)
    {
        await StartAsync(context).ConfigureAwait(false);
        await context.Response.WriteAsync($": {text}\n\n", context.RequestAborted).ConfigureAwait(false);
        context.RequestAborted.ThrowIfCancellationRequested(); // writing to a lost connection succeeds silently
    }

    /// <param name="write">Writes one JSON value. When it throws, nothing of the event is sent.</param>
    public Task WriteAsync(Action<Utf8JsonWriter> write)
    {
        _event.ResetWrittenCount();
        _event.Write("data: "u8);
        _json.Reset();
        write(_json);
        _json.Flush();
        _event.Write("\n\n"u8);
        return SendAsync(_event.WrittenMemory);
    }

    /// <summary>The end mark of OpenAI's streams.</summary>
    public Task WriteDoneAsync()
    {
        _event.ResetWrittenCount();
        _event.Write("data: [DONE]\n\n"u8);
        return SendAsync(_event.WrittenMemory);
    }

    public void Dispose() => _json.Dispose();

    private async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        _tape?.AnsweredPiece(bytes.Span, ContentType);
        await _context.Response.BodyWriter.WriteAsync(bytes, _context.RequestAborted).ConfigureAwait(false);
        _context.RequestAborted.ThrowIfCancellationRequested(); // writing to a lost connection succeeds silently
    }

    private static async Task StartAsync(HttpContext context)
    {
        HttpResponse response = context.Response;
        if (response.HasStarted)
        {
            return;
        }
        response.ContentType = ContentType;
        response.Headers.CacheControl = "no-cache";
        response.Headers["X-Accel-Buffering"] = "no"; // nginx would otherwise collect the events
        await response.StartAsync(context.RequestAborted).ConfigureAwait(false);
        await response.BodyWriter.FlushAsync(context.RequestAborted).ConfigureAwait(false);
    }
}
