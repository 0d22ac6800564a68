using System.IO.Compression;
using System.Text;
using System.Text.Json;
using KServePaged.TestSupport;

namespace KServePaged.EndToEnd.Tests.Recordings;

/// <summary>One request to vLLM's server and its answer, as shared/data/vllm/README.md describes them.</summary>
internal sealed record Recording(string Server, string Id, bool Deterministic, JsonElement Request, JsonElement Response)
{
    /// <summary>Unique name: server and id.</summary>
    public string Name => $"{Server}/{Id}";

    public string Method => Request.GetProperty("method").GetString()!; // always there

    public string Path => Request.GetProperty("path").GetString()!; // always there

    public int Status => Response.GetProperty("status").GetInt32();

    public bool IsStream => Response.TryGetProperty("events", out _);

    public static IReadOnlyList<Recording> Read(string server)
    {
        using FileStream file = File.OpenRead(SharedData.PathOf("vllm/openai_recorded_public.jsonl.gz"));
        using var lines = new StreamReader(new GZipStream(file, CompressionMode.Decompress));
        var records = new List<Recording>();
        while (lines.ReadLine() is { } line)
        {
            JsonElement json = JsonDocument.Parse(line).RootElement;
            if (json.GetProperty("server").GetString() == server)
            {
                records.Add(new Recording(
                    server, json.GetProperty("id").GetString()!, json.GetProperty("deterministic").GetBoolean(), json.GetProperty("request"), json.GetProperty("response")));
            }
        }
        return records;
    }

    /// <summary>The request as it was sent.</summary>
    public HttpRequestMessage ToMessage()
    {
        var message = new HttpRequestMessage(new HttpMethod(Method), Path);
        byte[]? body = Body();
        if (body is not null)
        {
            message.Content = new ByteArrayContent(body);
        }
        foreach (JsonProperty header in Request.GetProperty("headers").EnumerateObject())
        {
            if (!message.Headers.TryAddWithoutValidation(header.Name, header.Value.GetString()))
            {
                message.Content?.Headers.TryAddWithoutValidation(header.Name, header.Value.GetString());
            }
        }
        return message;
    }

    private byte[]? Body()
    {
        if (Request.TryGetProperty("raw_body_base64", out JsonElement base64) && base64.ValueKind == JsonValueKind.String)
        {
            return base64.GetBytesFromBase64();
        }
        if (Request.TryGetProperty("raw_body", out JsonElement raw) && raw.ValueKind == JsonValueKind.String)
        {
            return Encoding.UTF8.GetBytes(raw.GetString()!);
        }
        return Request.TryGetProperty("body", out JsonElement body) && body.ValueKind != JsonValueKind.Null ? Encoding.UTF8.GetBytes(body.GetRawText()) : null;
    }
}
