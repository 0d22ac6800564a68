using System.Text;
using System.Text.Json;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Tests.Doubles;

namespace KServePaged.Predictor.Tests.Protocols.KServeV1;

public sealed class PredictTests : IAsyncLifetime
{
    private const string Path = "/v1/models/tales:predict";

    private ServerUnderTest _server = null!; // InitializeAsync

    public async ValueTask InitializeAsync() => _server = await ServerUnderTest.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task Predict_WhenStrings_AnswersWithAStringForEach()
    {
        _server.Engine.Deltas = request => [Token(((Prompt.Text)request.Prompt).Value.ToUpperInvariant(), 1, FinishReason.Stop)];
        (int status, JsonElement body) = await _server.PostAsync(Path, """{"instances":["ab","c"]}""");
        Assert.Equal((200, """{"predictions":["AB","C"]}"""), (status, body.GetRawText()));
        Assert.Equal(0, _server.Engine.Open);
        (status, body) = await _server.PostAsync(Path, """{"inputs":["x"],"parameters":null}""");
        Assert.Equal((200, """{"predictions":["X"]}"""), (status, body.GetRawText()));
    }

    [Fact]
    public async Task Predict_EveryFormOfAnInstance_IsThePromptItSays()
    {
        string[] instances =
        [
            "\"a\"", """{"text":"a"}""", """{"prompt":"a"}""", """{"text_input":"a"}""", """{"messages":[{"role":"user","content":"a"}]}""", """{"input_ids":[5,6]}""",
            """{"text":"a","add_special_tokens":false}""",
        ];
        foreach (string instance in instances)
        {
            (int status, _) = await _server.PostAsync(Path, $$"""{"instances":[{{instance}}]}""");
            Assert.Equal(200, status);
        }
        Prompt[] prompts = [.. _server.Engine.Requests.Select(request => request.Prompt)];
        Assert.All(prompts[..4], prompt => Assert.Equal(new Prompt.Text("a"), prompt));
        Assert.Equal("""[{"role":"user","content":"a"}]""", Assert.IsType<Prompt.Chat>(prompts[4]).Messages.GetRawText());
        Assert.Equal([5, 6], Assert.IsType<Prompt.TokenIds>(prompts[5]).Ids);
        Assert.Equal(new Prompt.Text("a", AddSpecialTokens: false), prompts[6]);
    }

    [Fact]
    public async Task Predict_AnInstancesOwnOption_WinsOverTheSharedOne()
    {
        await _server.PostAsync(Path, """
            {"instances":["shared",{"text":"own","max_tokens":1,"seed":null}],"parameters":{"max_tokens":3,"temperature":0,"seed":7,"stop":["x"]}}
            """);
        Dictionary<string, SamplingParameters> sampling =
            _server.Engine.Requests.ToDictionary(request => ((Prompt.Text)request.Prompt).Value, request => request.Sampling);
        Assert.Equal((3, 0.0, 7L), (sampling["shared"].MaxTokens, sampling["shared"].Temperature, sampling["shared"].Seed));
        Assert.Equal((1, 0.0, 7L), (sampling["own"].MaxTokens, sampling["own"].Temperature, sampling["own"].Seed));
        Assert.Equal(["x"], sampling["own"].Stop);
        Assert.Equal(2, _server.Engine.Requests.Select(request => request.RequestId).Distinct().Count());
    }

    [Theory]
    [InlineData("""{"details":true,"max_tokens":1}""", """{"text_output":"Hello","finish_reason":"length","num_input_tokens":2,"num_output_tokens":1}""")]
    [InlineData("""{"return_finish_reason":true,"return_num_input_tokens":false}""", """{"text_output":"Hello, world!","finish_reason":"stop","num_output_tokens":4}""")]
    [InlineData(
        """{"logprobs":1,"max_tokens":1,"return_num_input_tokens":false,"return_num_output_tokens":false}""",
        """{"text_output":"Hello","finish_reason":"length","cumulative_logprob":-0.25,"logprobs":[{"id":1000,"text":"Hello","logprob":-0.25,"rank":1,"top":[{"id":1000,"text":"Hello","logprob":-0.5,"rank":1,"top":[]}]}]}""")]
    [InlineData(
        """{"return_cumulative_logprob":true,"max_tokens":1}""",
        """{"text_output":"Hello","finish_reason":"length","num_input_tokens":2,"num_output_tokens":1,"cumulative_logprob":-0.25}""")]
    [InlineData("""{"n":2,"max_tokens":1}""", """["Hello","Hello"]""")]
    [InlineData("""{"n":2,"max_tokens":1,"exclude_input_in_output":false}""", """["hiHello","hiHello"]""")]
    [InlineData("""{"stream":false,"details":false,"return_finish_reason":false}""", "\"Hello, world!\"")]
    public async Task Predict_WhenAskedForMore_PutsItBesideTheText(string parameters, string prediction)
    {
        (int status, JsonElement body) = await _server.PostAsync(Path, $$"""{"instances":["hi"],"parameters":{{parameters}}}""");
        Assert.Equal((200, $$"""{"predictions":[{{prediction}}]}"""), (status, body.GetRawText()));
    }

    [Theory]
    [InlineData("{}", "'instances' is missing")]
    [InlineData("[]", "JSON object")]
    [InlineData("", "no body")]
    [InlineData("{\"instances\":", "not JSON")]
    [InlineData("""{"instances":[]}""", "at least one")]
    [InlineData("""{"instances":"a"}""", "must be a list")]
    [InlineData("""{"instances":["a"],"inputs":["b"]}""", "two names")]
    [InlineData("""{"instances":["a"],"signature_name":"s"}""", "'signature_name'")]
    [InlineData("""{"instances":["a"],"parameters":[]}""", "'parameters' must be a JSON object")]
    [InlineData("""{"instances":["a"],"parameters":{"colour":1}}""", "'colour'")]
    [InlineData("""{"instances":["a"],"parameters":{"stream":true}}""", "'stream' is true")]
    [InlineData("""{"instances":["a",{"text":"b","temperature":[]}]}""", "instances[1]: 'temperature' must be a number")]
    [InlineData("""{"instances":["a",3]}""", "instances[1]: an instance is a string")]
    [InlineData("""{"instances":[{"text":"a","messages":[]}]}""", "instances[0]: exactly one of")]
    [InlineData("""{"instances":[{"max_tokens":1}]}""", "not 0")]
    [InlineData("""{"instances":[{"text":3}]}""", "instances[0]: 'text' must be a string")]
    [InlineData("""{"instances":[{"input_ids":[1.5]}]}""", "'input_ids' must be a whole number")]
    public async Task Predict_WhenTheBodyIsWrong_NamesWhatIs(string body, string fragment)
    {
        (int status, JsonElement answer) = await _server.PostAsync(Path, body);
        Assert.Equal(400, status);
        JsonProperty only = Assert.Single(answer.EnumerateObject());
        Assert.Equal("error", only.Name);
        Assert.Contains(fragment, only.Value.GetString(), StringComparison.Ordinal);
        Assert.Empty(_server.Engine.Requests);
    }

    [Theory]
    [InlineData("POST", "/v1/models/none:predict", 404, """{"error":"Request for unknown model: 'none' is not served here; served: tales, tales-alias."}""")]
    [InlineData("POST", "/v1/models/none:explain", 404, """{"error":"Request for unknown model: 'none' is not served here; served: tales, tales-alias."}""")]
    [InlineData("POST", "/v1/models/tales:explain", 501, """{"error":"The model 'tales' has no explainer."}""")]
    [InlineData("PUT", "/v1/models/tales:predict", 405, """{"error":"/v1/models/tales:predict does not take PUT."}""")]
    [InlineData("POST", "/v1/models/tales", 405, """{"error":{"message":"/v1/models/tales does not take POST.","type":"MethodNotAllowedError","param":null,"code":405}}""")]
    public async Task Routes_WhenThereIsNoAnswer_SaySoInTheirShape(string method, string path, int expected, string body)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = new StringContent("""{"instances":["a"]}""") };
        using HttpResponseMessage response = await _server.Http.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal((expected, body), ((int)response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)));
    }

    [Fact]
    public async Task Predict_NeverLooksAtContentType()
    {
        foreach (string? type in new[] { null, "application/x-www-form-urlencoded", "text/plain" })
        {
            (int status, _) = await _server.PostAsync(Path, """{"instances":["a"]}""", request => request.Content!.Headers.ContentType = type is null ? null : new(type));
            Assert.Equal(200, status);
        }
    }

    [Fact]
    public async Task Predict_WhenOneInstanceIsRefused_CancelsTheOthers()
    {
        _server.Engine.Deltas = request => ((Prompt.Text)request.Prompt).Value == "bad"
            ? throw new RequestException(EngineErrorCode.ContextTooLong, "too long", "text")
            : [Token("a", 5, FinishReason.Stop)];
        _server.Engine.BeforeDelta = (_, cancellation) => Task.Delay(Timeout.Infinite, cancellation);
        (int status, JsonElement body) = await _server.PostAsync(Path, """{"instances":["good","bad"]}""");
        Assert.Equal((400, """{"error":"too long"}"""), (status, body.GetRawText()));
        Assert.Equal(0, _server.Engine.Open);
    }

    [Theory]
    [InlineData(FinishReason.Abort, 503, "cut the generation off")]
    [InlineData(FinishReason.Error, 500, "engine failed")]
    public async Task Predict_WhenAnOutputIsCutOff_IsNoAnswer(FinishReason reason, int expected, string fragment)
    {
        _server.Engine.Deltas = _ => [Token("half", 5, reason)];
        (int status, JsonElement body) = await _server.PostAsync(Path, """{"instances":["a"]}""", request => request.Headers.Add("ce-specversion", "1.0"));
        Assert.Equal(400, status); // an event without its attributes
        using HttpResponseMessage response = await _server.SendAsync(Path, """{"instances":["a"]}""", AsEvent);
        Assert.Equal(expected, (int)response.StatusCode);
        Assert.False(response.Headers.Contains("ce-id"));
        Assert.Contains(fragment, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.Contains("no 'id'", body.GetProperty("error").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Predict_CountsIntoTheModelsStatisticsAndReportsLoad()
    {
        using HttpResponseMessage response = await _server.SendAsync(Path, """{"instances":["a","b","c"]}""", request =>
        {
            request.Headers.Add("endpoint-load-metrics-format", "text");
            request.Headers.Add("X-Request-Id", "mine");
            request.Headers.Add("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        });
        Assert.Equal(200, (int)response.StatusCode);
        Assert.StartsWith("TEXT named_metrics.kv_cache_utilization=", response.Headers.GetValues("endpoint-load-metrics").Single());
        Assert.Equal("mine", response.Headers.GetValues("X-Request-Id").Single());
        Assert.StartsWith("00-0af7651916cd43dd8448eb211c80319c-", response.Headers.GetValues("traceparent").Single());
        Assert.Equal(["mine-0", "mine-1", "mine-2"], _server.Engine.Requests.Select(request => request.RequestId).Order());
        await _server.PostAsync(Path, "{}");
        (_, JsonElement statistics) = await _server.GetAsync("/v2/models/tales/stats");
        JsonElement model = statistics.GetProperty("model_stats")[0];
        Assert.Equal(3, model.GetProperty("inference_count").GetInt32());
        Assert.Equal(1, model.GetProperty("inference_stats").GetProperty("success").GetProperty("count").GetInt32());
        Assert.Equal(1, model.GetProperty("inference_stats").GetProperty("fail").GetProperty("count").GetInt32());
    }

    [Theory]
    [InlineData("org/name:8b", "/v1/models/org/name:8b:predict")]
    [InlineData("org/name:8b", "/v1/models/org%2Fname%3A8b%3Apredict")]
    [InlineData("caf\u00e9 x", "/v1/models/caf%C3%A9%20x:predict")]
    public async Task Predict_ModelNames_MayHoldAnything(string name, string path)
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(options => options with { ModelNames = [name] });
        Assert.Equal(200, (await server.PostAsync(path, """{"instances":["a"]}""")).Status);
        Assert.Equal(404, (await server.PostAsync("/v1/models/name:predict", """{"instances":["a"]}""")).Status);
    }

    [Fact]
    public async Task WhileLoading_TheModelIsKnownAndNotReady()
    {
        var release = new TaskCompletionSource();
        await using ServerUnderTest server = await ServerUnderTest.StartLoadingAsync(async (_, _, _, _) =>
        {
            await release.Task;
            return new ScriptedEngine();
        });
        (int status, JsonElement body) = await server.GetAsync("/v1/models/tales");
        Assert.Equal((503, false, "tales"), (status, body.GetProperty("ready").GetBoolean(), body.GetProperty("name").GetString()));
        Assert.StartsWith("The model 'tales' is not ready (", body.GetProperty("error").GetProperty("message").GetString());
        (status, body) = await server.PostAsync(Path, """{"instances":["a"]}""");
        Assert.Equal(503, status);
        Assert.StartsWith("The model 'tales' is still loading (", body.GetProperty("error").GetString());
        release.SetResult();
        await server.WaitForAsync(health => health.Ready);
        (status, body) = await server.GetAsync("/v1/models/tales");
        Assert.Equal((200, true), (status, body.GetProperty("ready").GetBoolean()));
    }

    [Fact]
    public async Task ApiKey_IsAskedFor()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(options => options with { ApiKeys = ["k"] });
        (int status, JsonElement body) = await server.PostAsync(Path, """{"instances":["a"]}""");
        Assert.Equal((401, JsonValueKind.String), (status, body.GetProperty("error").ValueKind));
        Assert.Equal(200, (await server.PostAsync(Path, """{"instances":["a"]}""", request => request.Headers.Authorization = new("Bearer", "k"))).Status);
    }

    [Fact]
    public async Task Predict_WhenCompressed_IsRead()
    {
        byte[] packed = KServePaged.Predictor.Transport.ContentCoding.Compress("gzip", Encoding.UTF8.GetBytes("""{"instances":["a"]}"""));
        using var request = new HttpRequestMessage(HttpMethod.Post, Path) { Content = new ByteArrayContent(packed) };
        request.Content.Headers.ContentEncoding.Add("gzip");
        using HttpResponseMessage response = await _server.Http.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(200, (int)response.StatusCode);
    }

    private static void AsEvent(HttpRequestMessage request)
    {
        request.Headers.Add("ce-specversion", "1.0");
        request.Headers.Add("ce-id", "1");
        request.Headers.Add("ce-source", "s");
        request.Headers.Add("ce-type", "t");
    }

    private static GenerationDelta Token(string text, int id, FinishReason? reason) => new() { Text = text, TokenIds = [id], FinishReason = reason };
}
