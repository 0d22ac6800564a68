using KServePaged.Predictor.Errors;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenInference.Rest;

/// <summary>{"error": "text"} on everything under /v2: Triton's client breaks on any other shape.</summary>
internal sealed class RestErrorShape : IErrorShape
{
    public bool Owns(HttpRequest request) => request.Path.StartsWithSegments("/v2");

    public Task WriteAsync(HttpContext context, ErrorReply reply) => JsonReply.WriteAsync(context, writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("error", reply.Message);
        writer.WriteEndObject();
    });
}
