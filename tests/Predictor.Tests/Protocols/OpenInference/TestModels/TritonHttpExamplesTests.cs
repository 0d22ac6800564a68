using System.Buffers.Binary;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using KServePaged.Predictor.Tests.Doubles;
using KServePaged.Predictor.Tests.Protocols.Recorded;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Tests.Protocols.OpenInference.TestModels;

/// <summary>Triton's Python HTTP examples (simple_http_*.py): what they send, and every thing they check in the answers.</summary>
public sealed class TritonHttpExamplesTests : IAsyncLifetime
{
    private ServerUnderTest _server = null!; // InitializeAsync

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _server = await ServerUnderTest.StartAsync(options => options with { TestModels = true, ModelNames = ["tales"] });

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    /// <summary>simple_http_infer_client: one input in JSON and one binary, outputs likewise, compressed or not; then the statistics and a wrong name.</summary>
    [Theory]
    [InlineData(null, true)]
    [InlineData("gzip", true)]
    [InlineData("deflate", true)]
    [InlineData(null, false)]
    public async Task Infer(string? coding, bool namesOutputs)
    {
        string outputs = namesOutputs ? ""","outputs":[{"name":"OUTPUT0","parameters":{"binary_data":true}},{"name":"OUTPUT1","parameters":{"binary_data":false}}]""" : ""","parameters":{"binary_data_output":true}""";
        string json = $$$"""{"inputs":[{"name":"INPUT0","shape":[1,16],"datatype":"INT32","data":[{{{string.Join(',', Enumerable.Range(0, 16))}}}]},{"name":"INPUT1","shape":[1,16],"datatype":"INT32","parameters":{"binary_data_size":64}}]{{{outputs}}}}""";
        byte[] minusOnes = [.. Enumerable.Repeat((byte)0xFF, 64)];
        Http1Answer answer = await InferAsync("simple", json, minusOnes, coding, "?test_1=1&test_2=2");
        Assert.Equal(200, answer.Status);
        Assert.Equal(Enumerable.Range(0, 16).Select(i => i - 1), Ints(answer, "OUTPUT0"));
        Assert.Equal(Enumerable.Range(0, 16).Select(i => i + 1), Ints(answer, "OUTPUT1"));

        (int status, JsonElement statistics) = await _server.GetAsync("/v2/models/simple/stats");
        Assert.Equal((200, 1), (status, statistics.GetProperty("model_stats").GetArrayLength()));
        Assert.Equal(1, statistics.GetProperty("model_stats")[0].GetProperty("inference_count").GetInt32());

        answer = await InferAsync("wrong_model_name", json, minusOnes, coding: null, "");
        Assert.Equal(404, answer.Status);
        Assert.StartsWith("Request for unknown model", answer.Json.GetProperty("error").GetString());
    }

    /// <summary>simple_http_health_metadata.</summary>
    [Fact]
    public async Task HealthAndMetadata()
    {
        Assert.Equal(200, (await _server.GetAsync("/v2/health/live?test_1=1&test_2=2")).Status);
        Assert.Equal(200, (await _server.GetAsync("/v2/health/ready")).Status);
        Assert.Equal(200, (await _server.GetAsync("/v2/models/simple/ready")).Status);
        Assert.Equal("triton", (await _server.GetAsync("/v2")).Body.GetProperty("name").GetString());
        (int status, JsonElement metadata) = await _server.GetAsync("/v2/models/simple?test_1=1&test_2=2");
        Assert.Equal(
            (200, """{"name":"simple","versions":["1"],"platform":"kservepaged","inputs":[{"name":"INPUT0","datatype":"INT32","shape":[-1,16]},{"name":"INPUT1","datatype":"INT32","shape":[-1,16]}],"outputs":[{"name":"OUTPUT0","datatype":"INT32","shape":[-1,16]},{"name":"OUTPUT1","datatype":"INT32","shape":[-1,16]}]}"""),
            (status, metadata.GetRawText()));
        (status, metadata) = await _server.GetAsync("/v2/models/wrong_model_name");
        Assert.Equal(404, status);
        Assert.Contains("Request for unknown model", metadata.GetProperty("error").GetString(), StringComparison.Ordinal);
    }

    /// <summary>simple_http_model_control: seven models (the test models and the server's own), loads with good and bad configurations, unload.</summary>
    [Fact]
    public async Task ModelControl()
    {
        (int status, JsonElement index) = await _server.PostAsync("/v2/repository/index", "");
        Assert.Equal((200, 7), (status, index.GetArrayLength()));
        Assert.Equal(200, (await _server.PostAsync("/v2/repository/models/simple/load", "")).Status);
        Assert.Equal(200, (await _server.GetAsync("/v2/models/simple/ready")).Status);

        (status, JsonElement body) = await LoadAsync("""{"parameters":{"config":"\"parameters\": {\"config\": {{\"max_batch_size\": \"16\"}}}"}}""");
        Assert.Equal(400, status);
        Assert.Contains("failed to load", body.GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.Equal(8, await BatchSizeAsync());

        Assert.Equal(200, (await LoadAsync("""{"parameters":{"config":"{\"max_batch_size\":\"16\"}"}}""")).Status);
        Assert.Equal(16, await BatchSizeAsync());

        Assert.Equal(200, (await _server.PostAsync("/v2/repository/models/simple/unload", """{"parameters":{"unload_dependents":false}}""")).Status);
        Assert.NotEqual(200, (await _server.GetAsync("/v2/models/simple/ready")).Status);
        Assert.Equal(200, (await _server.GetAsync("/v2/health/ready")).Status);

        (status, body) = await _server.PostAsync("/v2/repository/models/wrong_model_name/load", "");
        Assert.Equal(404, status);
        Assert.Contains("failed to load", body.GetProperty("error").GetString(), StringComparison.Ordinal);

        Assert.Equal(200, (await _server.PostAsync("/v2/repository/models/simple/load", "")).Status);
        Assert.Equal(8, await BatchSizeAsync());
    }

    /// <summary>simple_http_string_infer_client, first half: one input binary, the other JSON.</summary>
    [Fact]
    public async Task StringInfer()
    {
        byte[] binary = Strings(Enumerable.Range(0, 16).Select(i => Encoding.UTF8.GetBytes(i.ToString(CultureInfo.InvariantCulture))));
        string ones = string.Join(',', Enumerable.Repeat("\"1\"", 16));
        string json = $$$"""{"inputs":[{"name":"INPUT0","shape":[1,16],"datatype":"BYTES","parameters":{"binary_data_size":{{{binary.Length}}}}},{"name":"INPUT1","shape":[1,16],"datatype":"BYTES","data":[{{{ones}}}]}],"outputs":[{"name":"OUTPUT0","parameters":{"binary_data":true}},{"name":"OUTPUT1","parameters":{"binary_data":false}}]}""";
        Http1Answer answer = await InferAsync("simple_string", json, binary, coding: null, "");
        Assert.Equal(200, answer.Status);
        Assert.Equal(Enumerable.Range(0, 16).Select(i => $"{i + 1}"), Texts(answer, "OUTPUT0"));
        Assert.Equal(Enumerable.Range(0, 16).Select(i => $"{i - 1}"), Texts(answer, "OUTPUT1"));
    }

    /// <summary>Its second half: texts with NUL characters come back as they are, binary and as JSON.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Identity(bool isBinary)
    {
        string[] texts = [.. Enumerable.Range(0, 8).Select(i => $"he\0llo{i}"), .. Enumerable.Repeat("\0\u0001\u0002\u0003", 8)];
        byte[] binary = isBinary ? Strings(texts.Select(Encoding.UTF8.GetBytes)) : [];
        string data = isBinary ? $"\"parameters\":{{\"binary_data_size\":{binary.Length}}}" : $"\"data\":{JsonSerializer.Serialize(texts)}";
        string flag = isBinary ? "true" : "false";
        string json = $$$"""{"inputs":[{"name":"INPUT0","shape":[1,16],"datatype":"BYTES",{{{data}}}}],"outputs":[{"name":"OUTPUT0","parameters":{"binary_data":{{{flag}}}}}]}""";
        Http1Answer answer = await InferAsync("simple_identity", json, binary, coding: null, "");
        Assert.Equal(200, answer.Status);
        Assert.Equal(isBinary, answer.HeaderLength is not null);
        Assert.Equal(texts, Texts(answer, "OUTPUT0"));
    }

    /// <summary>simple_http_sequence_sync_infer_client: three sequences, one with a text for an id.</summary>
    [Fact]
    public async Task Sequences()
    {
        int[] values = [0, 11, 7, 5, 3, 2, 0, 1];
        foreach (string id in new[] { "1000", "1001", "\"0d4f9a64-94f2-4b6f-9f2a-3a1f4a6f7b11\"" })
        {
            for (int i = 0; i < values.Length; i++)
            {
                string parameters = $$"""{"sequence_id":{{id}},"sequence_start":{{(i == 0 ? "true" : "false")}},"sequence_end":{{(i == 7 ? "true" : "false")}}}""";
                (int status, JsonElement body) = await _server.PostAsync("/v2/models/simple_sequence/infer", $$"""
                    {"inputs":[{"name":"INPUT","shape":[1,1],"datatype":"INT32","data":[{{values[i]}}]}],"outputs":[{"name":"OUTPUT"}],
                     "parameters":{{parameters}} }
                    """);
                Assert.Equal((200, values[i] + (i == 0 ? 1 : 0)), (status, body.GetProperty("outputs")[0].GetProperty("data")[0].GetInt32()));
            }
        }
    }

    /// <summary>What tritonclient itself was recorded to send to a model called simple.</summary>
    [Fact]
    public async Task RecordedRequests_AreAnsweredWithSumsAndDifferences()
    {
        JsonElement[] records = [.. RecordedTraffic.OfKind("client").Where(record => RecordedTraffic.Text(record, "case").StartsWith("triton-http/simple", StringComparison.Ordinal))];
        Assert.Equal(2, records.Length);
        foreach (JsonElement record in records)
        {
            Http1Answer answer = Assert.Single(await Http1Wire.ExchangeAsync(_server.Address, RecordedTraffic.RawRequest(record)));
            Assert.Equal(200, answer.Status);
            Assert.Equal(Enumerable.Range(0, 16).Select(i => i + i), Ints(answer, "OUTPUT0"));
        }
    }

    [Theory]
    [InlineData("simple", """{"inputs":[]}""", "has 0 inputs")]
    [InlineData("simple", """{"inputs":[{"name":"INPUT0","shape":[1,1],"datatype":"INT32","data":[1]},{"name":"INPUT0","shape":[1,1],"datatype":"INT32","data":[1]}]}""", "once")]
    [InlineData("simple_identity", """{"inputs":[{"name":"X","shape":[1,1],"datatype":"BYTES","data":["a"]}]}""", "unexpected inference input 'X'")]
    [InlineData("simple_identity", """{"inputs":[{"name":"INPUT0","shape":[1,1],"datatype":"INT32","data":[1]}]}""", "takes BYTES, not INT32")]
    [InlineData("simple_identity", """{"inputs":[{"name":"INPUT0","shape":[1],"datatype":"BYTES","data":["a"]}]}""", "takes the shape [-1,-1], not [1]")]
    [InlineData("simple_sequence", """{"inputs":[{"name":"INPUT","shape":[1,2],"datatype":"INT32","data":[1,2]}]}""", "takes the shape [-1,1], not [1,2]")]
    [InlineData("simple_sequence", """{"inputs":[{"name":"INPUT","shape":[9,1],"datatype":"INT32","data":[1,2,3,4,5,6,7,8,9]}]}""", "1 to 8 rows")]
    [InlineData("simple_sequence", """{"inputs":[{"name":"INPUT","shape":[0,1],"datatype":"INT32","data":[]}]}""", "1 to 8 rows")]
    [InlineData("simple_identity", """{"inputs":[{"name":"INPUT0","shape":[1,1],"datatype":"BYTES","data":["a"]}],"outputs":[{"name":"X"}]}""", "unexpected inference output 'X'")]
    [InlineData("simple_identity", """{"inputs":[{"name":"INPUT0","shape":[1,1],"datatype":"BYTES","data":["a"]}],"parameters":{"temperature":1}}""", "no parameter 'temperature'")]
    [InlineData("repeat_int32", """{"inputs":[]}""", "decoupled transaction policy")]
    public async Task Infer_WhenItDoesNotFit_Is400(string model, string body, string fragment)
    {
        (int status, JsonElement answer) = await _server.PostAsync($"/v2/models/{model}/infer", body);
        Assert.Equal(400, status);
        Assert.Contains(fragment, answer.GetProperty("error").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task StringInfer_WhenAnElementIsNoNumber_Is400()
    {
        string texts = string.Join(',', Enumerable.Repeat("\"1x\"", 16));
        (int status, JsonElement body) = await _server.PostAsync("/v2/models/simple_string/infer", $$"""{"inputs":[{"name":"INPUT0","shape":[1,16],"datatype":"BYTES","data":[{{texts}}]},{"name":"INPUT1","shape":[1,16],"datatype":"BYTES","data":[{{texts}}]}]}""");
        Assert.Equal((400, "input 'INPUT0': element 0 is no decimal number of 32 bits."), (status, body.GetProperty("error").GetString()));
    }

    [Fact]
    public async Task TestModels_GenerateNoText()
    {
        (int status, JsonElement body) = await _server.PostAsync("/v2/models/simple/generate", """{"text_input":"a"}""");
        Assert.Equal(400, status);
        Assert.Contains("generates no text", body.GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.Equal(["tales"], (await _server.GetAsync("/v1/models")).Body.GetProperty("models").EnumerateArray().Select(name => name.GetString()));
    }

    [Theory]
    [InlineData("""{"name":"x"}""", "'name'")]
    [InlineData("""{"max_batch_size":-1}""", "at least 0")]
    [InlineData("[]", "JSON object")]
    public async Task Load_WhenTheConfigurationIsForSomethingElse_FailsAndChangesNothing(string config, string fragment)
    {
        (int status, JsonElement body) = await LoadAsync(JsonSerializer.Serialize(new { parameters = new { config } }));
        Assert.Equal(400, status);
        Assert.StartsWith("failed to load 'simple': ", body.GetProperty("error").GetString());
        Assert.Contains(fragment, body.GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.Equal(8, await BatchSizeAsync());
    }

    private Task<(int Status, JsonElement Body)> LoadAsync(string body) => _server.PostAsync("/v2/repository/models/simple/load", body);

    private async Task<int> BatchSizeAsync() => (await _server.GetAsync("/v2/models/simple/config")).Body.GetProperty("max_batch_size").GetInt32();

    private async Task<Http1Answer> InferAsync(string model, string json, byte[] binary, string? coding, string query)
    {
        byte[] header = Encoding.UTF8.GetBytes(json);
        byte[] body = [.. header, .. binary];
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/v2/models/{model}/infer{query}")
        {
            Content = new ByteArrayContent(coding is null ? body : ContentCoding.Compress(coding, body)),
        };
        if (binary.Length > 0)
        {
            request.Headers.Add("Inference-Header-Content-Length", header.Length.ToString(CultureInfo.InvariantCulture));
        }
        if (coding is not null)
        {
            request.Content.Headers.ContentEncoding.Add(coding);
            request.Headers.AcceptEncoding.Add(new StringWithQualityHeaderValue(coding));
        }
        using HttpResponseMessage response = await _server.Http.SendAsync(request, Cancel);
        byte[] answer = await response.Content.ReadAsByteArrayAsync(Cancel);
        if (response.Content.Headers.ContentEncoding.SingleOrDefault() is { } packed)
        {
            answer = ContentCoding.Decompress(packed, new(answer), 1 << 20)!.Value.ToArray();
        }
        return new Http1Answer((int)response.StatusCode, response.Headers.ToDictionary(pair => pair.Key, pair => string.Join(',', pair.Value)), answer);
    }

    private static IEnumerable<int> Ints(Http1Answer answer, string name) =>
        Find(answer, name) is var (output, raw) && raw is null
            ? output.GetProperty("data").EnumerateArray().Select(value => value.GetInt32())
            : [.. Enumerable.Range(0, raw!.Length / 4).Select(i => BinaryPrimitives.ReadInt32LittleEndian(raw.AsSpan(i * 4)))];

    private static IEnumerable<string> Texts(Http1Answer answer, string name)
    {
        (JsonElement output, byte[]? raw) = Find(answer, name);
        if (raw is null)
        {
            return output.GetProperty("data").EnumerateArray().Select(value => value.GetString()!);
        }
        var texts = new List<string>();
        for (int at = 0; at < raw.Length;)
        {
            int length = BinaryPrimitives.ReadInt32LittleEndian(raw.AsSpan(at));
            texts.Add(Encoding.UTF8.GetString(raw, at + 4, length));
            at += 4 + length;
        }
        return texts;
    }

    /// <summary>An output by name, with its bytes where it is binary.</summary>
    private static (JsonElement Output, byte[]? Raw) Find(Http1Answer answer, string name)
    {
        int at = answer.HeaderLength ?? answer.Body.Length;
        foreach (JsonElement output in answer.Json.GetProperty("outputs").EnumerateArray())
        {
            int length = output.TryGetProperty("parameters", out JsonElement parameters) ? parameters.GetProperty("binary_data_size").GetInt32() : 0;
            if (output.GetProperty("name").GetString() == name)
            {
                return (output, output.TryGetProperty("data", out _) ? null : answer.Body[at..(at + length)]);
            }
            at += length;
        }
        throw new InvalidOperationException($"no output {name} in {answer.BodyText}");
    }

    private static byte[] Strings(IEnumerable<byte[]> elements) => [.. elements.SelectMany(element => (byte[])[.. BitConverter.GetBytes(element.Length), .. element])];
}
