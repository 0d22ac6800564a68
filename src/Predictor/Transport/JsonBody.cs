using System.Text.Json;
using System.Text.Unicode;
using KServePaged.Engine.Contracts;

namespace KServePaged.Predictor.Transport;

/// <summary>Reads a request's body as JSON. What comes back can be read without surprises: valid UTF-8, no half characters, bounded depth.</summary>
internal static class JsonBody
{
    /// <summary>Tool schemas nest; nothing honest nests deeper.</summary>
    private const int MaxDepth = 128;

    private static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    /// <exception cref="RequestException">InvalidArgument: the body is not JSON. Unsupported: its Content-Encoding is not read here.</exception>
    /// <exception cref="BadHttpRequestException">The body is too large, too slow or malformed as HTTP.</exception>
    public static async Task<JsonElement> ReadAsync(HttpContext context)
    {
        ReadOnlyMemory<byte> body = await RequestBody.ReadAsync(context).ConfigureAwait(false);
        context.Features.Get<IBodyTape>()?.Asked(body, context.Request.ContentType ?? "application/json");
        return Parse(body);
    }

    public static JsonElement Parse(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.Span.StartsWith(ByteOrderMark))
        {
            bytes = bytes[ByteOrderMark.Length..];
        }
        if (bytes.Length == 0)
        {
            throw Refusal("The request has no body; a JSON object is expected.");
        }
        if (!Utf8.IsValid(bytes.Span))
        {
            throw Refusal("The request body is not valid UTF-8.");
        }
        try
        {
            JsonElement body = JsonDocument.Parse(bytes, new JsonDocumentOptions { MaxDepth = MaxDepth }).RootElement;
            RefuseHalfCharacters(bytes.Span);
            return body;
        }
        catch (JsonException e)
        {
            throw Refusal($"The request body is not JSON: {e.Message}");
        }
    }

    /// <summary>An escape such as \ud800 without its other half passes as JSON and fails wherever its text is first read.</summary>
    private static void RefuseHalfCharacters(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IndexOf("\\u"u8) < 0)
        {
            return;
        }
        var reader = new Utf8JsonReader(bytes, new JsonReaderOptions { MaxDepth = MaxDepth });
        while (reader.Read())
        {
            if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped)
            {
                try
                {
                    reader.GetString();
                }
                catch (InvalidOperationException)
                {
                    throw Refusal($"The request body holds half of a surrogate pair in a string before byte {reader.BytesConsumed}.");
                }
            }
        }
    }

    private static RequestException Refusal(string message) => new(EngineErrorCode.InvalidArgument, message);
}
