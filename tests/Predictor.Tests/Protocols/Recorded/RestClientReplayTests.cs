using System.Buffers;
using System.Text;
using System.Text.Json;
using KServePaged.Predictor.Tests.Doubles;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Tests.Protocols.Recorded;

/// <summary>What real clients of KServe's protocols sent over HTTP/1.1, byte for byte, gets an answer of the kind that they were seen to accept.</summary>
public sealed class RestClientReplayTests
{
    private static readonly Expectation[] Rules =
    [
        new(404, null, "no such model or version",
            "kserve-rest/model_ready unknown", "triton-http/model_ready unknown", "triton-http/model_metadata slash in name", "triton-http/infer bad version",
            "triton-http/infer unknown model", "curl/encoded slash"),
        new(400, "shares no memory", "no shared memory; the client raises whatever the status", "triton-http/system shm*", "triton-http/cuda shm*", "triton-http/infer shm input"),
        new(400, "does not classify", "a text has no classes", "triton-http/infer classification"),
        new(400, "'zz'", "no such output", "triton-http/infer unknown output"),
        new(400, "exactly one of the inputs", "embeddings are another kind of model", "litellm/triton embedding"),
        new(200, null, "all else is served", "kserve-rest/*", "triton-http/*", "litellm/*", "curl/*", "requests/*"),
    ];

    [Fact]
    public async Task EveryRequest_IsAnsweredAsItsClientNeeds()
    {
        JsonElement[] records = [.. RecordedTraffic.OfKind("client").Where(record =>
            TargetOf(record)?.StartsWith("/v2", StringComparison.Ordinal) == true || RecordedTraffic.Text(record, "case").StartsWith("kserve-rest/v1", StringComparison.Ordinal))];
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(options => options with { ModelNames = ["llm"], TestModels = true });
        foreach (JsonElement record in records)
        {
            string name = RecordedTraffic.Text(record, "case");
            byte[] request = RecordedTraffic.RawRequest(record);
            Http1Answer answer = Assert.Single(await Http1Wire.ExchangeAsync(server.Address, request));
            Expectation.For(Rules, name).Check(name, answer.Status, answer.BodyText.Replace("\\u0027", "'", StringComparison.Ordinal));
            Check(name, TargetOf(record)!, request, answer);
        }
        Assert.InRange(records.Length, 50, 1000);
        Expectation.RequireAllUsed(Rules);
    }

    private static void Check(string name, string target, byte[] request, Http1Answer answer)
    {
        if (answer.Status >= 400)
        {
            Assert.True(answer.Json.GetProperty("error").ValueKind == JsonValueKind.String, name);
            return;
        }
        switch (target.Split('/')[^1])
        {
            case "generate_stream":
                Assert.StartsWith("data: {", answer.BodyText, StringComparison.Ordinal);
                Assert.DoesNotContain("[DONE]", answer.BodyText, StringComparison.Ordinal);
                break;
            case "infer":
                InferAnswers.Check(name, JsonOf(request), answer);
                break;
            default:
                string[] needed = Needed(target);
                Assert.All(needed, field => Assert.True(answer.Json.TryGetProperty(field, out _), $"{name}: no {field}"));
                break;
        }
    }

    private static string[] Needed(string target) => target switch
    {
        "/v2" => ["name", "version", "extensions"],
        "/v2/health/live" => ["live"],
        "/v2/logging" => ["log_file", "log_info", "log_warning", "log_error", "log_verbose_level", "log_format"],
        "/v1/models/llm" => ["ready"],
        "/v1/models/llm:predict" => ["predictions"],
        _ when target.EndsWith("/load", StringComparison.Ordinal) => ["name", "load"],
        _ when target.EndsWith("/ready", StringComparison.Ordinal) => ["ready"],
        _ when target.EndsWith("/generate", StringComparison.Ordinal) => ["model_name", "text_output"],
        _ when target.EndsWith("/config", StringComparison.Ordinal) => ["name", "platform", "backend", "input", "output", "max_batch_size", "model_transaction_policy"],
        _ => ["name", "versions", "platform", "inputs", "outputs"],
    };

    private static string? TargetOf(JsonElement record) =>
        record.TryGetProperty("request", out JsonElement request) && request.TryGetProperty("line", out JsonElement line) ? line.GetString()!.Split(' ')[1] : null;

    // What the client asked for, through compression, chunks and the binary part.
    private static JsonElement JsonOf(byte[] request)
    {
        int end = request.AsSpan().IndexOf("\r\n\r\n"u8);
        string[] head = Encoding.Latin1.GetString(request, 0, end).Split("\r\n");
        string? coding = head.FirstOrDefault(line => line.StartsWith("Content-Encoding: ", StringComparison.OrdinalIgnoreCase))?.Split(": ")[1];
        byte[] body = request[(end + 4)..];
        body = coding is null ? body : ContentCoding.Decompress(coding, new ReadOnlySequence<byte>(body), 1 << 20)!.Value.ToArray();
        var reader = new Utf8JsonReader(body.AsSpan(body.AsSpan().IndexOf((byte)'{')));
        return JsonElement.ParseValue(ref reader);
    }
}
