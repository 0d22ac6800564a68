using System.Text.Json;
using KServePaged.Engine.Contracts;

namespace KServePaged.Predictor.Protocols.OpenInference.Rest;

/// <summary>Request bodies as JSON. Content-Type is not looked at: clients of this protocol send none, or anything.</summary>
internal static class RestBody
{
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 100 };

    /// <exception cref="RequestException">No JSON, or a form that this route does not read.</exception>
    /// <exception cref="BadHttpRequestException">The body exceeds the server's limit or breaks off.</exception>
    public static async Task<JsonDocument> ReadAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        if (request.Headers.ContainsKey("Inference-Header-Content-Length"))
        {
            throw new RequestException(EngineErrorCode.Unsupported, "binary tensor data is not supported on this route; send the tensors as JSON.");
        }
        if (request.Headers.ContentEncoding.Count > 0)
        {
            throw new RequestException(EngineErrorCode.Unsupported, $"Content-Encoding '{request.Headers.ContentEncoding}' is not supported; send the body as it is.");
        }
        try
        {
            return await JsonDocument.ParseAsync(request.Body, Options, cancellationToken).ConfigureAwait(false);
        }
        catch (JsonException exception)
        {
            throw new RequestException(
                EngineErrorCode.InvalidArgument, $"the request body is not valid JSON: {exception.Message}", null, exception);
        }
    }
}
