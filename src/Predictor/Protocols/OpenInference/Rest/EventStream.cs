using System.Buffers;
using System.Text.Json;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenInference.Rest;

/// <summary>Server-sent events of JSON objects: <c>data: {…}</c> and an empty line, flushed one by one.</summary>
internal sealed class EventStream(HttpContext context)
{
    private readonly ArrayBufferWriter<byte> _event = new(512);

    public int Count { get; private set; }

    /// <summary>Fixes status and headers; from here on an error can only be an event.</summary>
    public void Start()
    {
        context.Response.StatusCode = StatusCodes.Status200OK;
        context.Response.ContentType = "text/event-stream; charset=utf-8";
        context.Response.Headers.CacheControl = "no-cache";
    }

    /// <summary>Returns when the event has left: a reader that does not read holds back its own generation, nobody else's.</summary>
    public async Task SendAsync(Action<Utf8JsonWriter> write)
    {
        _event.Clear();
        _event.Write("data: "u8);
        using (var writer = new Utf8JsonWriter(_event, JsonReply.Options))
        {
            write(writer);
        }
        _event.Write("\n\n"u8);
        Count++;
        await context.Response.Body.WriteAsync(_event.WrittenMemory, context.RequestAborted).ConfigureAwait(false);
        await context.Response.Body.FlushAsync(context.RequestAborted).ConfigureAwait(false);
    }
}
