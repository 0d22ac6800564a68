using System.Text.Encodings.Web;
using System.Text.Json;

namespace KServePaged.Predictor.Transport;

/// <summary>A whole JSON answer: compact, written straight into the response's pipe.</summary>
internal static class JsonReply
{
    /// <summary>Characters as they are, not escaped for HTML: the answers are JSON, and escapes triple the size of most scripts.</summary>
    public static JsonWriterOptions Options { get; } = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <param name="write">Writes one JSON value.</param>
    public static async Task WriteAsync(HttpContext context, Action<Utf8JsonWriter> write)
    {
        context.Response.ContentType = "application/json";
        using (var json = new Utf8JsonWriter(context.Response.BodyWriter, Options))
        {
            write(json);
        }
        await context.Response.BodyWriter.FlushAsync(context.RequestAborted).ConfigureAwait(false);
    }
}
