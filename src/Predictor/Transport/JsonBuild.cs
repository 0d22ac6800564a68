using System.Buffers;
using System.Text.Json;

namespace KServePaged.Predictor.Transport;

internal static class JsonBuild
{
    /// <summary>What was written, as an element that owns its memory.</summary>
    public static JsonElement Element(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, JsonReply.Options))
        {
            write(json);
        }
        return JsonDocument.Parse(buffer.WrittenMemory).RootElement;
    }
}
