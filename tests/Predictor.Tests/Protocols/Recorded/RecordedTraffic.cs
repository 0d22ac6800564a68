using System.Buffers;
using System.Text;
using System.Text.Json;
using KServePaged.Predictor.Transport;
using KServePaged.TestSupport;

namespace KServePaged.Predictor.Tests.Protocols.Recorded;

/// <summary>What was seen on the wire between real clients and real servers; shared/data/wire/README.md describes the records.</summary>
internal static class RecordedTraffic
{
    // What the recorder cut off behind the first bytes: the last of them repeated, and this.
    private static readonly Dictionary<string, string> Tails = new()
    {
        ["http/header 64 KiB"] = "\r\nConnection: close\r\n\r\n",
        ["big/3 MB text"] = "\"]}]}",
    };

    private static readonly Lazy<IReadOnlyList<JsonElement>> All = new(Read);

    /// <summary>The records of a kind (rest, grpc, h2, client); skips the test where the recordings are not there.</summary>
    public static IEnumerable<JsonElement> OfKind(string kind) => All.Value.Where(record => Text(record, "kind") == kind);

    public static string Text(JsonElement element, string field) => element.GetProperty(field).GetString()!;

    /// <summary>A recorded HTTP/1.1 request, byte for byte.</summary>
    public static byte[] RawRequest(JsonElement record)
    {
        JsonElement request = record.GetProperty("request");
        if (request.TryGetProperty("raw_head", out JsonElement head))
        {
            string tail = Tails[Text(record, "case")];
            string start = head.GetString()!;
            return Encoding.UTF8.GetBytes(start.PadRight(request.GetProperty("raw_length").GetInt32() - tail.Length, start[^1]) + tail);
        }
        if (request.TryGetProperty("raw_base64", out JsonElement bytes))
        {
            return bytes.GetBytesFromBase64();
        }
        JsonElement raw = request.GetProperty("raw");
        return raw.ValueKind == JsonValueKind.String ? Encoding.UTF8.GetBytes(raw.GetString()!)
            : raw.TryGetProperty("text", out JsonElement text) ? Encoding.UTF8.GetBytes(text.GetString()!)
            : raw.GetProperty("base64").GetBytesFromBase64();
    }

    private static JsonElement[] Read()
    {
        var packed = new ReadOnlySequence<byte>(File.ReadAllBytes(SharedData.PathOf("wire/recorded_public.jsonl.gz")));
        string lines = Encoding.UTF8.GetString(ContentCoding.Decompress(ContentCoding.Gzip, packed, int.MaxValue)!.Value.Span);
        return [.. lines.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];
    }
}
