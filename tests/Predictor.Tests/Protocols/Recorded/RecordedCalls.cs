using System.Globalization;
using System.Text.Json;
using KServePaged.Predictor.Tests.Transport.Grpc;

namespace KServePaged.Predictor.Tests.Protocols.Recorded;

/// <summary>The messages and metadata of recorded gRPC calls.</summary>
internal static class RecordedCalls
{
    // Set by the HTTP client itself.
    private static readonly string[] OfTheTransport = ["content-type", "te", "content-length"];

    /// <summary>All messages of the call, framed. Of one that was cut short in the record the rest is zeros.</summary>
    public static byte[] Body(JsonElement request) => [.. request.GetProperty("messages").EnumerateArray().SelectMany(Frame)];

    public static string Path(JsonElement request) => request.TryGetProperty("path", out JsonElement path)
        ? path.GetString()!
        : request.GetProperty("headers").EnumerateArray().First(header => header[0].GetString() == ":path")[1].GetString()!;

    /// <summary>The caller's metadata, its deadline a hundred times as far: a busy test machine is no subject of these tests.</summary>
    public static (string Name, string Value)[] Metadata(JsonElement request)
    {
        IEnumerable<(string Name, string Value)> given = request.TryGetProperty("headers", out JsonElement headers) ? Pairs(headers)
            : Pairs(request.GetProperty("metadata"));
        List<(string Name, string Value)> metadata = [.. given.Where(entry => entry.Name[0] != ':' && !OfTheTransport.Contains(entry.Name))
            .Select(entry => entry.Name == "grpc-timeout" ? (entry.Name, Stretched(entry.Value)) : entry)];
        if (request.TryGetProperty("timeout_s", out JsonElement seconds) && seconds.ValueKind == JsonValueKind.Number && Path(request).EndsWith("/Watch", StringComparison.Ordinal))
        {
            metadata.Add(("grpc-timeout", "200m")); // the one call that ends by its deadline
        }
        return [.. metadata];
    }

    private static IEnumerable<(string Name, string Value)> Pairs(JsonElement pairs) => pairs.EnumerateArray().Select(pair => (
        pair[0].GetString()!,
        pair[1].ValueKind == JsonValueKind.String ? pair[1].GetString()! : RecordedTraffic.Text(pair[1], "base64").TrimEnd('=')));

    private static string Stretched(string timeout) =>
        timeout.Length <= 7 ? string.Create(CultureInfo.InvariantCulture, $"{timeout[..^1]}00{timeout[^1]}") : timeout;

    private static byte[] Frame(JsonElement message)
    {
        byte flag = message.TryGetProperty("compressed_flag", out JsonElement compressed) ? compressed.GetByte() : (byte)0;
        if (message.TryGetProperty("base64", out JsonElement whole))
        {
            return GrpcTestClient.Frame(whole.GetBytesFromBase64(), flag);
        }
        byte[] bytes = new byte[message.GetProperty("length").GetInt32()];
        message.GetProperty("base64_head").GetBytesFromBase64().CopyTo(bytes, 0);
        return GrpcTestClient.Frame(bytes, flag);
    }
}
