using KServePaged.Predictor.Errors;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.KServeV1;

/// <summary>{"error": "text"} on this protocol's verbs. An event that fails is answered so too, not with an event, as by KServe.</summary>
internal sealed class V1ErrorShape : IErrorShape
{
    public bool Owns(HttpRequest request) => VerbPath.Parse(request.Path.Value ?? "") is not null;

    public Task WriteAsync(HttpContext context, ErrorReply reply) => JsonReply.WriteAsync(context, json =>
    {
        json.WriteStartObject();
        json.WriteString("error", reply.Message);
        json.WriteEndObject();
    });
}
