using KServePaged.Engine.Contracts;
using Microsoft.Net.Http.Headers;

namespace KServePaged.Predictor.Transport;

internal static class JsonContentType
{
    /// <summary>
    /// Asks for <c>application/json</c>, parameters and capitals free. Not for its own sake: a browser sends every other type to a server
    /// on the visitor's machine without asking it first, so any page could use one's local model.
    /// </summary>
    /// <exception cref="RequestException">InvalidArgument.</exception>
    public static void Require(HttpRequest request)
    {
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out MediaTypeHeaderValue? type) || !type.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase))
        {
            throw new RequestException(
                EngineErrorCode.InvalidArgument, $"Content-Type must be application/json, not '{request.ContentType}' (curl: -H 'Content-Type: application/json').");
        }
    }
}
