using System.Net;
using System.Text;
using System.Text.Json;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Tests.Doubles;

namespace KServePaged.Predictor.Tests.Protocols.OpenInference;

public sealed class RestTests
{
    private const string Prompted = """{"inputs":[{"name":"text_input","shape":[1],"datatype":"BYTES","data":["hi"]}]}""";

    [Fact]
    public async Task ServerMetadata_NamesTheProduct()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        foreach (string path in new[] { "/v2", "/v2/" })
        {
            (int status, JsonElement body) = await server.GetAsync(path);
            Assert.Equal(200, status);
            Assert.Equal("""{"name":"kservepaged","version":"0.1.0","extensions":["binary_tensor_data","parameters","generate","model_repository","model_repository(unload_dependents)","model_configuration","statistics"]}""", body.GetRawText());
        }
    }

    [Fact]
    public async Task Health_WhileLoading_Is503AndReadyAfterwards()
    {
        var release = new TaskCompletionSource();
        await using ServerUnderTest server = await ServerUnderTest.StartLoadingAsync(async (_, _, _, _) =>
        {
            await release.Task;
            return new ScriptedEngine();
        });
        Assert.Equal((200, """{"live":true}"""), Raw(await server.GetAsync("/v2/health/live")));
        (int status, JsonElement body) = await server.GetAsync("/v2/health/ready");
        Assert.Equal((503, false), (status, body.GetProperty("ready").GetBoolean()));
        Assert.StartsWith("not ready: ", body.GetProperty("error").GetString());
        Assert.Equal(503, (await server.GetAsync("/v2/models/tales/ready")).Status);
        Assert.Equal(503, (await server.GetAsync("/v2/models/tales")).Status);
        Assert.Equal(503, (await server.PostAsync("/v2/models/tales/infer", Prompted)).Status);
        release.SetResult();
        await server.WaitForAsync(health => health.Ready);
        Assert.Equal((200, """{"ready":true}"""), Raw(await server.GetAsync("/v2/health/ready")));
        Assert.Equal((200, """{"name":"tales","ready":true}"""), Raw(await server.GetAsync("/v2/models/tales/versions/1/ready")));
    }

    [Fact]
    public async Task ModelMetadata_ListsTheTensors()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        (int status, JsonElement body) = await server.GetAsync("/v2/models/tales");
        Assert.Equal(200, status);
        Assert.Equal(["1"], body.GetProperty("versions").EnumerateArray().Select(version => version.GetString()));
        Assert.Contains(body.GetProperty("inputs").EnumerateArray(), input =>
            input.GetRawText() == """{"name":"text_input","datatype":"BYTES","shape":[-1]}""");
        Assert.Equal((200, """{"models":["tales","tales-alias"]}"""), Raw(await server.GetAsync("/v2/models")));
    }

    [Fact]
    public async Task Infer_WhenText_AnswersWithAllTensors()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        (int status, JsonElement body) = await server.PostAsync("/v2/models/tales/infer", Prompted.Replace("{\"inputs\"", "{\"id\":\"7\",\"inputs\"", StringComparison.Ordinal));
        Assert.Equal(200, status);
        Assert.Equal(
            """
            {"model_name":"tales","model_version":"1","id":"7","outputs":[{"name":"text_output","shape":[1],"datatype":"BYTES","data":["Hello, world!"]},{"name":"finish_reason","shape":[1],"datatype":"BYTES","data":["stop"]},{"name":"num_input_tokens","shape":[1],"datatype":"UINT32","data":[2]},{"name":"num_output_tokens","shape":[1],"datatype":"UINT32","data":[4]},{"name":"output_ids","shape":[4],"datatype":"INT32","data":[1000,1001,1002,1003]}]}
            """,
            body.GetRawText());
        Assert.Equal(0, server.Engine.Open);
    }

    [Fact]
    public async Task Infer_WhenBatchedWithScores_IsPromptMajorAndPadded()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        server.Engine.Deltas = request => ((Prompt.TokenIds)request.Prompt).Ids.Count == 2 && ((Prompt.TokenIds)request.Prompt).Ids[0] == 1
            ? [Token("a", 5), Token("b", 6) with { FinishReason = FinishReason.Length }]
            : [Token("c", 7) with { FinishReason = FinishReason.Stop }];
        (int status, JsonElement body) = await server.PostAsync("/v2/models/tales/infer", """
            {"inputs":[{"name":"input_ids","shape":[2,2],"datatype":"INT32","data":[1,2,3,4]}],
             "outputs":[{"name":"output_ids"},{"name":"cumulative_logprob"},{"name":"num_input_tokens"}]}
            """);
        Assert.Equal(200, status);
        Assert.Equal(
            """[{"name":"output_ids","shape":[2,2],"datatype":"INT32","data":[5,6,7,-1]},{"name":"cumulative_logprob","shape":[2],"datatype":"FP32","data":[-0.5,-0.25]},{"name":"num_input_tokens","shape":[2],"datatype":"UINT32","data":[2,2]}]""",
            body.GetProperty("outputs").GetRawText());
    }

    [Fact]
    public async Task Infer_WhenOnePromptIsRefused_CancelsTheOthers()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        server.Engine.Deltas = request => ((Prompt.Text)request.Prompt).Value == "bad"
            ? throw new RequestException(EngineErrorCode.ContextTooLong, "too long", "text_input")
            : [Token("a", 5)];
        server.Engine.BeforeDelta = (_, cancellation) => Task.Delay(Timeout.Infinite, cancellation);
        (int status, JsonElement body) = await server.PostAsync(
            "/v2/models/tales/infer", """{"inputs":[{"name":"text_input","shape":[2],"datatype":"BYTES","data":["good","bad"]}]}""");
        Assert.Equal((400, """{"error":"too long"}"""), (status, body.GetRawText()));
        Assert.Equal(0, server.Engine.Open);
    }

    [Fact]
    public async Task Infer_NeverLooksAtContentType()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        foreach (string? type in new[] { null, "application/x-www-form-urlencoded", "application/octet-stream" })
        {
            (int status, _) = await server.PostAsync("/v2/models/tales/infer", Prompted, request =>
            {
                request.Content!.Headers.ContentType = type is null ? null : new(type);
            });
            Assert.Equal(200, status);
        }
    }

    [Theory]
    [InlineData("/v2/models/none", "GET", "", 404, "'none' is not served")]
    [InlineData("/v2/models/none/infer", "POST", "{}", 404, "'none' is not served")]
    [InlineData("/v2/models/tales/versions/2/infer", "POST", "{}", 404, "no version '2'")]
    [InlineData("/v2/models/tales/infer", "GET", "", 405, "GET")]
    [InlineData("/v2/models/tales", "POST", "", 405, "POST")]
    [InlineData("/v2/nothing", "GET", "", 404, "/v2/nothing")]
    [InlineData("/v2/health/live", "DELETE", "", 405, "DELETE")]
    [InlineData("/v2/models/tales/infer", "POST", "{", 400, "not JSON")]
    [InlineData("/v2/models/tales/infer", "POST", "", 400, "no body")]
    [InlineData("/v2/models/tales/generate", "POST", "[]", 400, "JSON object")]
    [InlineData("/v2/models/tales/generate", "POST", "{}", 400, "exactly one of")]
    [InlineData("/v2/models/tales/generate", "POST", """{"text_input":"a","stream":true}""", 400, "generate_stream")]
    [InlineData("/v2/models/tales/generate", "POST", """{"text_input":"a","n":2}""", 400, "'n' must be 1")]
    [InlineData("/v2/models/tales/generate", "POST", """{"text_input":"a","max_tokens":1,"parameters":{"max_tokens":2}}""", 400, "more than once")]
    [InlineData("/v2/models/tales/generate", "POST", """{"text_input":"a","colour":"red"}""", 400, "'colour'")]
    [InlineData("/v2/models/tales/generate_stream", "POST", """{"text_input":3}""", 400, "must be a string")]
    public async Task Faults_AreOneErrorText(string path, string method, string body, int expected, string fragment)
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        request.Content = method == "POST" ? new StringContent(body) : null;
        using HttpResponseMessage response = await server.Http.SendAsync(request, TestContext.Current.CancellationToken);
        string text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.Equal(expected, (int)response.StatusCode);
        JsonProperty only = Assert.Single(JsonDocument.Parse(text).RootElement.EnumerateObject());
        Assert.Equal("error", only.Name);
        Assert.Contains(fragment, only.Value.GetString(), StringComparison.Ordinal);
        Assert.Equal("application/json", response.Content.Headers.ContentType!.ToString());
    }

    [Fact]
    public async Task Head_AnswersLikeGetWithoutABody()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        foreach (string path in new[] { "/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/tales", "/v2/models/tales/ready" })
        {
            using var request = new HttpRequestMessage(HttpMethod.Head, path);
            using HttpResponseMessage response = await server.Http.SendAsync(request, TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Assert.Empty(await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
        }
    }

    [Fact]
    public async Task Generate_AcceptsBothStyles()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        (int status, JsonElement body) = await server.PostAsync(
            "/v2/models/tales/generate", """{"id":"1","text_input":"hi","parameters":{"max_tokens":2,"temperature":0},"stream":false}""");
        Assert.Equal(200, status);
        Assert.Equal("""{"id":"1","model_name":"tales","model_version":"1","text_output":"Hello,"}""", body.GetRawText());
        (_, body) = await server.PostAsync("/v2/models/tales/generate", """{"text_input":"hi","max_tokens":1,"return_finish_reason":true,"exclude_input_in_output":false}""");
        Assert.Equal(("hiHello", "length"), (body.GetProperty("text_output").GetString(), body.GetProperty("finish_reason").GetString()));
        await server.PostAsync("/v2/models/tales/generate", """{"text_input":"hi"}""");
        Assert.Equal(20, server.Engine.LastRequest.Sampling.MaxTokens);
    }

    [Fact]
    public async Task Generate_WhenDetails_ReportsTokens()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        (_, JsonElement body) = await server.PostAsync("/v2/models/tales/generate", """{"text_input":"hi","parameters":{"details":true,"max_tokens":1}}""");
        Assert.Equal(
            """{"finish_reason":"length","logprobs":[{"id":1000,"text":"Hello","logprob":-0.25,"special":false}]}""",
            body.GetProperty("details").GetRawText());
    }

    [Fact]
    public async Task GenerateStream_SendsOneEventAPieceAndNoDone()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        List<string> events = await server.StreamAsync("/v2/models/tales/generate_stream", """{"id":"x","text_input":"hi","return_num_output_tokens":true}""");
        Assert.Equal(4, events.Count);
        Assert.Equal("""{"id":"x","model_name":"tales","model_version":"1","text_output":"Hello"}""", events[0]);
        Assert.Equal("""{"id":"x","model_name":"tales","model_version":"1","text_output":"!","num_output_tokens":4}""", events[^1]);
    }

    [Fact]
    public async Task GenerateStream_WhenItFailsMidway_SendsAnErrorEvent()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        server.Engine.BeforeDelta = (index, _) => index == 2
            ? throw new RequestException(EngineErrorCode.DeadlineExceeded, "too late")
            : Task.CompletedTask;
        List<string> events = await server.StreamAsync("/v2/models/tales/generate_stream", """{"text_input":"hi"}""");
        Assert.Equal("""{"error":"too late"}""", events[^1]);
        Assert.Equal(3, events.Count);
    }

    [Fact]
    public async Task GenerateStream_WhenTheClientLeaves_FreesTheGeneration()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        var closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        server.Engine.BeforeDelta = (index, cancellation) => index < 2 ? Task.CompletedTask : Task.Delay(Timeout.Infinite, cancellation);
        using (HttpResponseMessage response = await server.SendAsync("/v2/models/tales/generate_stream", """{"text_input":"hi"}"""))
        {
            Stream stream = await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken);
            Assert.NotEqual(0, await stream.ReadAsync(new byte[16], TestContext.Current.CancellationToken));
            server.Engine.Closed += closed.SetResult;
        }
        await closed.Task.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        Assert.Equal(0, server.Engine.Open);
    }

    [Fact]
    public async Task ApiKey_IsAskedEverywhereButOnTheProbesAndMetrics()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(options => options with { ApiKeys = ["k"] });
        Assert.Equal(200, (await server.GetAsync("/v2/health/ready")).Status);
        (int status, JsonElement body) = await server.GetAsync("/v2/models/tales");
        Assert.Equal((401, JsonValueKind.String), (status, body.GetProperty("error").ValueKind));
        Assert.Equal(401, (await server.PostAsync("/v2/models/tales/infer", Prompted)).Status);
        Assert.Equal(200, (await server.GetAsync("/v2/models/tales", key: "k")).Status);
        using HttpResponseMessage metrics = await server.Http.GetAsync(new Uri("/metrics", UriKind.Relative), TestContext.Current.CancellationToken);
        string text = await metrics.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.Contains("http_requests_total{handler=\"/v2/models/{**path}\",method=\"GET\",status=\"401\"} 1\n", text, StringComparison.Ordinal);
        Assert.Contains("\nprocess_resident_memory_bytes ", text, StringComparison.Ordinal);
    }

    private static GenerationDelta Token(string text, int id) => new()
    {
        Text = text,
        TokenIds = [id],
        Logprobs = [ScriptedEngine.Logprob(text, id, -0.25f, 0)],
    };

    private static (int Status, string Body) Raw((int Status, JsonElement Body) answer) => (answer.Status, answer.Body.GetRawText());
}
