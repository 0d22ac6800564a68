using System.Text.Json;

namespace KServePaged.Predictor.Protocols.OpenAI;

/// <summary>The first members of every answer and every event.</summary>
internal sealed record AnswerHead(string Id, string Object, long Created, string Model, string Fingerprint)
{
    /// <summary>Opens the object; the caller closes it.</summary>
    public void Begin(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("id", Id);
        json.WriteString("object", Object);
        json.WriteNumber("created", Created);
        json.WriteString("model", Model);
    }
}
