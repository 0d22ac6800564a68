using System.Text.Json;
using KServePaged.Predictor.Errors;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenAI;

/// <summary><c>{"error":{"message","type","param","code"}}</c>, code being the HTTP status as a number.</summary>
internal sealed class OpenAIErrorShape : IErrorShape
{
    public bool Owns(HttpRequest request) => true;

    public Task WriteAsync(HttpContext context, ErrorReply reply) => JsonReply.WriteAsync(context, json => Write(json, reply));

    public static void Write(Utf8JsonWriter json, ErrorReply reply)
    {
        json.WriteStartObject();
        json.WritePropertyName("error");
        WriteError(json, reply);
        json.WriteEndObject();
    }

    /// <summary>The object behind <c>error</c>.</summary>
    public static void WriteError(Utf8JsonWriter json, ErrorReply reply)
    {
        json.WriteStartObject();
        json.WriteString("message", reply.Message);
        json.WriteString("type", reply.Status.OpenAIType);
        json.WriteString("param", reply.Parameter);
        json.WriteNumber("code", reply.Status.Http);
        json.WriteEndObject();
    }
}
