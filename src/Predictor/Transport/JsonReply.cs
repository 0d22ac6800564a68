using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace KServePaged.Predictor.Transport;

/// <summary>A whole JSON answer: compact, with its length.</summary>
internal static class JsonReply
{
    /// <summary>Characters as they are, not escaped for HTML: the answers are JSON, and escapes triple the size of most scripts.</summary>
    public static JsonWriterOptions Options { get; } = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <param name="write">Writes one JSON value. When it throws, nothing of it is sent.</param>
    public static async Task WriteAsync(HttpContext context, Action<Utf8JsonWriter> write, string contentType = "application/json")
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, Options))
        {
            write(json);
        }
        context.Features.Get<IBodyTape>()?.Answered(buffer.WrittenMemory, contentType);
        context.Response.ContentType = contentType;
        context.Response.ContentLength = buffer.WrittenCount;
        await context.Response.BodyWriter.WriteAsync(buffer.WrittenMemory, context.RequestAborted).ConfigureAwait(false);
    }
}
