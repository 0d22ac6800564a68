using System.Buffers;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using KServePaged.Predictor.Tests.Doubles;
using KServePaged.Predictor.Transport;
using KServePaged.TestSupport;

namespace KServePaged.Predictor.Tests.Protocols.OpenInference;

/// <summary>What real clients sent, byte for byte, gets an answer of the kind that they were seen to accept.</summary>
public sealed class ReplayTests
{
    /// <summary>Cases whose answer is a refusal: models, tensors and options that a language model does not have.</summary>
    private static readonly Dictionary<string, int> Refused = new()
    {
        ["kserve-rest/model_ready unknown"] = 404,
        ["kserve-rest/infer json parameters"] = 400, // made-up parameters
        ["triton-http/model_ready unknown"] = 404,
        ["triton-http/model_metadata slash in name"] = 404,
        ["triton-http/log update"] = 400,
        ["triton-http/system shm register"] = 400,
        ["triton-http/system shm unregister"] = 400,
        ["triton-http/system shm unregister all"] = 400,
        ["triton-http/cuda shm register"] = 400,
        ["triton-http/cuda shm unregister"] = 400,
        ["triton-http/infer bad version"] = 404,
        ["triton-http/infer sequence"] = 400, // no sequences of requests
        ["triton-http/infer classification"] = 400,
        ["triton-http/infer shm input"] = 400,
        ["triton-http/simple binary"] = 400, // the tensors of a test model
        ["triton-http/simple json"] = 400,
        ["triton-http/infer unknown model"] = 404,
        ["triton-http/infer unknown output"] = 400,
        ["litellm/triton embedding"] = 400,
        ["curl/encoded slash"] = 404,
    };

    [Fact]
    public async Task EveryRecordedRequest_IsAnsweredAsItsClientNeeds()
    {
        string path = SharedData.PathOf("wire/recorded_public.jsonl.gz");
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(options => options with { ModelNames = ["llm", "simple"] });
        int replayed = 0;
        foreach ((string name, string target, byte[] request) in Recorded(await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken)))
        {
            Answer answer = await ExchangeAsync(server.Address, request);
            int expected = Refused.GetValueOrDefault(name, 200);
            Assert.True(answer.Status == expected, $"{name}: {answer.Status}, not {expected}: {Encoding.UTF8.GetString(answer.Body)}");
            Check(name, target, Encoding.Latin1.GetString(request), answer);
            replayed++;
        }
        Assert.InRange(replayed, 50, 1000);
    }

    private static void Check(string name, string target, string request, Answer answer)
    {
        if (target.EndsWith("/generate_stream", StringComparison.Ordinal))
        {
            Assert.StartsWith("data: {", Encoding.UTF8.GetString(answer.Body), StringComparison.Ordinal);
            return;
        }
        int header = answer.HeaderLength ?? answer.Body.Length;
        JsonElement json = JsonDocument.Parse(answer.Body.AsMemory(0, header)).RootElement;
        if (answer.Status >= 400)
        {
            Assert.True(json.GetProperty("error").ValueKind == JsonValueKind.String, name);
            return;
        }
        string[] needed = target switch
        {
            _ when target.EndsWith("/infer", StringComparison.Ordinal) => ["model_name", "outputs", "id"],
            _ when target.EndsWith("/generate", StringComparison.Ordinal) => ["model_name", "text_output"],
            _ when target.EndsWith("/config", StringComparison.Ordinal) => ["name", "platform", "backend", "input", "output", "max_batch_size", "model_transaction_policy"],
            "/v2/health/live" => ["live"],
            _ when target.EndsWith("/load", StringComparison.Ordinal) => ["name", "load"],
            _ when target.EndsWith("/ready", StringComparison.Ordinal) => ["ready"],
            "/v2/logging" => ["log_file", "log_info", "log_warning", "log_error", "log_verbose_level", "log_format"],
            "/v2" => ["name", "version", "extensions"],
            _ => ["name", "versions", "platform", "inputs", "outputs"],
        };
        Assert.All(needed, field => Assert.True(json.TryGetProperty(field, out _), $"{name}: no {field}"));
        if (target.EndsWith("/infer", StringComparison.Ordinal))
        {
            CheckTensors(name, request, answer, json);
        }
    }

    private static void CheckTensors(string name, string request, Answer answer, JsonElement json)
    {
        long binary = 0;
        foreach (JsonElement output in json.GetProperty("outputs").EnumerateArray())
        {
            Assert.True(output.TryGetProperty("datatype", out _) && output.TryGetProperty("shape", out _), name);
            binary += output.TryGetProperty("data", out _) ? 0 : output.GetProperty("parameters").GetProperty("binary_data_size").GetInt64();
        }
        Assert.True(answer.Body.Length == (answer.HeaderLength ?? answer.Body.Length) + binary, $"{name}: {binary} bytes of tensors");
        if (!request.Contains("Content-Encoding: ", StringComparison.Ordinal)) // what is compressed cannot be searched
        {
            bool wanted = request.Contains("\"binary_data_output\":true", StringComparison.Ordinal) || request.Contains("\"binary_data\":true", StringComparison.Ordinal);
            Assert.True(wanted == answer.HeaderLength is not null, $"{name}: binary wanted is {wanted}");
        }
    }

    private static IEnumerable<(string Name, string Target, byte[] Request)> Recorded(byte[] packed)
    {
        string lines = Encoding.UTF8.GetString(ContentCoding.Decompress(ContentCoding.Gzip, new ReadOnlySequence<byte>(packed), int.MaxValue)!.Value.Span);
        foreach (string line in lines.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => line.Contains("\"client\"", StringComparison.Ordinal)))
        {
            JsonElement record = JsonDocument.Parse(line).RootElement;
            if (record.GetProperty("kind").GetString() != "client" || !record.TryGetProperty("request", out JsonElement request)
                || !request.TryGetProperty("line", out JsonElement first) || first.GetString()!.Split(' ')[1] is not { } target
                || !target.StartsWith("/v2", StringComparison.Ordinal))
            {
                continue;
            }
            JsonElement raw = request.GetProperty("raw");
            yield return (record.GetProperty("case").GetString()!, target, raw.TryGetProperty("text", out JsonElement text)
                ? Encoding.UTF8.GetBytes(text.GetString()!)
                : raw.GetProperty("base64").GetBytesFromBase64());
        }
    }

    private static async Task<Answer> ExchangeAsync(Uri address, byte[] request)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(20));
        using var client = new TcpClient();
        await client.ConnectAsync(address.Host, address.Port, limit.Token);
        NetworkStream stream = client.GetStream();
        await stream.WriteAsync(request, limit.Token);
        var received = new MemoryStream();
        byte[] buffer = new byte[16 << 10];
        while (true)
        {
            int read = await stream.ReadAsync(buffer, limit.Token);
            received.Write(buffer, 0, read);
            if (Parse(received.ToArray()) is { } answer)
            {
                return answer;
            }
            Assert.True(read > 0, $"the server closed after {Encoding.Latin1.GetString(received.ToArray())}");
        }
    }

    // Null = not yet complete.
    private static Answer? Parse(byte[] bytes)
    {
        int end = bytes.AsSpan().IndexOf("\r\n\r\n"u8);
        if (end < 0)
        {
            return null;
        }
        string[] head = Encoding.Latin1.GetString(bytes, 0, end).Split("\r\n");
        Dictionary<string, string> headers = head.Skip(1).Select(line => line.Split(": ", 2)).ToDictionary(pair => pair[0], pair => pair[1], StringComparer.OrdinalIgnoreCase);
        byte[] body = bytes[(end + 4)..];
        if (headers.TryGetValue("Content-Length", out string? length) ? body.Length < int.Parse(length, CultureInfo.InvariantCulture) : !body.AsSpan().EndsWith("0\r\n\r\n"u8))
        {
            return null;
        }
        if (length is null)
        {
            body = body[(body.AsSpan().IndexOf("\r\n"u8) + 2)..]; // the size of the first chunk
        }
        if (headers.TryGetValue("Content-Encoding", out string? coding))
        {
            body = ContentCoding.Decompress(coding, new ReadOnlySequence<byte>(body), 1 << 20)!.Value.ToArray();
        }
        int? header = headers.TryGetValue("Inference-Header-Content-Length", out string? text) ? int.Parse(text, CultureInfo.InvariantCulture) : null;
        return new Answer(int.Parse(head[0].Split(' ')[1], CultureInfo.InvariantCulture), body, header);
    }

    private sealed record Answer(int Status, byte[] Body, int? HeaderLength);
}
