using System.Collections.Concurrent;
using System.Text.Json;
using KServePaged.Engine;
using KServePaged.Predictor.Configuration;
using KServePaged.Predictor.Hosting;
using KServePaged.Predictor.Protocols.OpenInference.Grpc;
using KServePaged.Predictor.Tests.Doubles;
using KServePaged.Predictor.Tests.Transport.Grpc;

namespace KServePaged.Predictor.Tests.Hosting;

/// <summary>Two variants of a model under one name: share, choice by header, promote, roll back.</summary>
public sealed class VariantTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory().FullName;
    private readonly ConcurrentDictionary<string, ScriptedEngine> _engines = new();

    public VariantTests()
    {
        foreach (string name in (string[])["v1", "v2", "v3"])
        {
            File.WriteAllText(Path.Combine(Directory.CreateDirectory(Path.Combine(_root, name)).FullName, "config.json"), "{}");
        }
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public async Task Requests_AreDividedByTheirIdsAndTellWhoAnswered()
    {
        await using ServerUnderTest server = await StartAsync(new VariantOption("chat", "v1", "v2", 30));
        int candidate = 0;
        for (int i = 0; i < 400; i++)
        {
            string first = await VariantOfAsync(server, $"request-{i}");
            Assert.Equal(first, i < 20 ? await VariantOfAsync(server, $"request-{i}") : first); // a retry goes the same way
            candidate += first == "v2" ? 1 : 0;
        }
        Assert.InRange(candidate, 90, 150); // 120 expected, 3 standard deviations are 28
        Assert.True(_engines["v1"].Requests.Count > _engines["v2"].Requests.Count);
        Assert.DoesNotContain("v3", _engines.Keys); // --load_model none: only what the route names
    }

    [Theory]
    [InlineData("v1", "v1")]
    [InlineData("stable", "v1")]
    [InlineData("v2", "v2")]
    [InlineData("candidate", "v2")]
    public async Task Header_ChoosesOverEveryProtocol(string wanted, string expected)
    {
        await using ServerUnderTest server = await StartAsync(new VariantOption("chat", "v1", "v2", 50));
        foreach ((string path, string body) in ((string, string)[])[
            ("/v1/completions", """{"model":"chat","prompt":"x"}"""),
            ("/v1/chat/completions", """{"model":"chat","messages":[{"role":"user","content":"x"}],"stream":true}"""),
            ("/v2/models/chat/generate", """{"text_input":"x"}"""),
            ("/v2/models/chat/generate_stream", """{"text_input":"x"}"""),
            ("/v2/models/chat/infer", """{"inputs":[{"name":"text_input","shape":[1],"datatype":"BYTES","data":["x"]}]}"""),
            ("/v1/models/chat:predict", """{"instances":["x"]}""")])
        {
            using HttpResponseMessage response = await server.SendAsync(path, body, request => request.Headers.Add(Caller.Header, wanted));
            Assert.Equal((200, expected), ((int)response.StatusCode, response.Headers.GetValues(Caller.Header).Single()));
        }
        using var client = new GrpcTestClient(server.Address);
        GrpcTestReply reply = await client.CallAsync(
            $"/{OpenInferenceGrpc.Service}/ModelInfer",
            new ModelInferRequest
            {
                ModelName = "chat",
                Inputs = { new ModelInferRequest.Types.InferInputTensor { Name = "input_ids", Datatype = "INT32", Shape = { 1 }, Contents = new InferTensorContents { IntContents = { 65 } } } },
            },
            ("x-model-variant", wanted));
        Assert.Equal(expected, reply.Headers.GetValues("x-model-variant").Single());
        Assert.Equal(7, _engines[expected].Requests.Count);
    }

    [Fact]
    public async Task Answers_AreCalledByTheNameThatWasAsked()
    {
        await using ServerUnderTest server = await StartAsync(new VariantOption("chat", "v1", "v2", 100));
        Assert.Equal("chat", (await server.PostAsync("/v1/completions", """{"model":"chat","prompt":"x"}""")).Body.GetProperty("model").GetString());
        Assert.Equal("chat", (await server.PostAsync("/v1/completions", """{"prompt":"x"}""")).Body.GetProperty("model").GetString()); // the only route is the default
        Assert.Equal("v1", (await server.PostAsync("/v1/completions", """{"model":"v1","prompt":"x"}""")).Body.GetProperty("model").GetString());
        Assert.Equal("""{"models":["chat","v1","v2"]}""", (await server.GetAsync("/v2/models")).Body.GetRawText());
        Assert.Equal(["chat", "v1", "v2"], (await server.GetAsync("/v1/models")).Body.GetProperty("data").EnumerateArray().Select(entry => entry.GetProperty("id").GetString()!));
        Assert.Equal(200, (await server.GetAsync("/v2/models/chat")).Status);
        Assert.Equal(200, (await server.GetAsync("/v2/models/chat/ready")).Status);
        (int status, JsonElement body) = await server.PostAsync("/v1/completions", """{"model":"chat","prompt":"x"}""", request => request.Headers.Add(Caller.Header, "v9"));
        Assert.Equal((404, "'chat' has no variant 'v9'; it has v1 (stable) and v2 (candidate)."), (status, body.GetProperty("error").GetProperty("message").GetString()));
    }

    [Fact]
    public async Task Canary_IsStartedWidenedPromotedThroughTheRepository()
    {
        await using ServerUnderTest server = await StartAsync(new VariantOption("chat", "v1", null, 0));
        Assert.Equal("v1", await VariantOfAsync(server, "a"));
        Assert.False(_engines.ContainsKey("v2"));

        Assert.Equal(200, (await ChangeAsync(server, """{"candidate":"v2","percent":0}""")).Status);
        Assert.Equal("v1", await VariantOfAsync(server, "a"));
        Assert.Equal(200, (await ChangeAsync(server, """{"percent":100}""")).Status);
        Assert.Equal("v2", await VariantOfAsync(server, "a"));

        Assert.Equal((200, """{"name":"chat","load":true}"""), await ChangeAsync(server, """{"promote":true}"""));
        Assert.True(_engines["v1"].IsDisposed); // it has drained and is gone
        Assert.Equal("v2", await VariantOfAsync(server, "a"));
        Assert.Equal("v2", server.Repository.Routes[0].Stable);
        Assert.Equal(400, (await server.PostAsync("/v2/repository/models/v2/unload", "")).Status); // it is the stable one now
    }

    [Fact]
    public async Task RollBack_UnloadsTheCandidateAndLosesNoRequest()
    {
        await using ServerUnderTest server = await StartAsync(new VariantOption("chat", "v1", "v2", 100));
        ScriptedEngine candidate = _engines["v2"];
        var held = new TaskCompletionSource();
        candidate.BeforeDelta = (delta, _) => delta == 1 ? held.Task : Task.CompletedTask;
        using HttpResponseMessage running = await server.SendAsync("/v2/models/chat/generate_stream", """{"text_input":"x"}""");
        Task<(int Status, JsonElement Body)> unloading = server.PostAsync("/v2/repository/models/v2/unload", "");
        while (!candidate.Drains)
        {
            await Task.Delay(1, TestContext.Current.CancellationToken);
        }
        Assert.Equal("v1", await VariantOfAsync(server, "a"));
        held.SetResult();
        Assert.Contains("\"text_output\":\"!\"", await running.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.Equal(200, (await unloading).Status);
        Assert.True(candidate.IsDisposed);
        Assert.Null(server.Repository.Routes[0].Candidate);
    }

    [Theory]
    [InlineData("{}", "give candidate, percent or promote")]
    [InlineData("""{"candidate":"v1"}""", "'v1' cannot be its candidate")]
    [InlineData("""{"candidate":"v9"}""", "there is no directory of that name")]
    [InlineData("""{"percent":101}""", "'percent' must be a whole number from 0 to 100, not '101'")]
    [InlineData("""{"percent":10}""", "it has no candidate; name one")]
    [InlineData("""{"promote":true}""", "it has no candidate; name one")]
    [InlineData("""{"promote":"yes"}""", "'promote' must be true or false, not 'yes'")]
    [InlineData("""{"weight":1}""", "parameter 'weight' is none of candidate, percent, promote")]
    public async Task Change_WhenItCannotBe_SaysWhy(string parameters, string message)
    {
        await using ServerUnderTest server = await StartAsync(new VariantOption("chat", "v1", null, 0));
        (int status, string body) = await ChangeAsync(server, parameters);
        Assert.InRange(status, 400, 404);
        Assert.Contains(message, JsonDocument.Parse(body).RootElement.GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.Equal("v1", await VariantOfAsync(server, "a"));
    }

    [Theory]
    [InlineData("chat=v1", "chat=v1")]
    [InlineData("chat=v1,v2:10", "chat=v1,v2:10")]
    [InlineData("chat=v1,v2", null)]
    [InlineData("chat=v1,v1:5", null)]
    [InlineData("chat=v1,v2:101", null)]
    [InlineData("chat", null)]
    [InlineData("=v1", null)]
    [InlineData("chat=v1,v2:5,v3:5", null)]
    public void Option_IsReadAndShown(string text, string? expected)
    {
        if (expected is null)
        {
            Assert.StartsWith("NAME=STABLE or", Assert.Throws<FormatException>(() => VariantOption.Parse(text)).Message, StringComparison.Ordinal);
            return;
        }
        Assert.Equal(expected, VariantOption.Parse(text).ToString());
    }

    [Fact]
    public async Task Start_WhenAVariantIsMissing_Fails()
    {
        int before = Environment.ExitCode;
        await using ServerUnderTest server = await ServerUnderTest.StartLoadingAsync(
            (_, _, _, _) => Task.FromResult<ILlmEngine>(new ScriptedEngine()), options => Options(options, new VariantOption("chat", "v1", "v7", 5)), free: _ => 10_000);
        Assert.StartsWith("--variants: there is no directory 'v7'", (await server.WaitForAsync(report => report.Stage == "failed")).Message, StringComparison.Ordinal);
        await server.WaitForShutdownAsync();
        Environment.ExitCode = before;
    }

    private static async Task<string> VariantOfAsync(ServerUnderTest server, string requestId)
    {
        using HttpResponseMessage response = await server.SendAsync(
            "/v1/completions", """{"model":"chat","prompt":"x","max_tokens":1}""", request => request.Headers.Add("X-Request-Id", requestId));
        Assert.Equal(200, (int)response.StatusCode);
        return response.Headers.GetValues(Caller.Header).Single();
    }

    private static async Task<(int Status, string Body)> ChangeAsync(ServerUnderTest server, string parameters)
    {
        (int status, JsonElement body) = await server.PostAsync("/v2/repository/models/chat/load", $$"""{"parameters":{{parameters}}}""");
        return (status, body.GetRawText());
    }

    private ServerOptions Options(ServerOptions options, VariantOption route) => options with
    {
        Engine = options.Engine with { ModelPath = "" },
        ModelNames = [],
        RepositoryPath = _root,
        LoadModels = [],
        Variants = [route],
    };

    private async Task<ServerUnderTest> StartAsync(VariantOption route)
    {
        ServerUnderTest server = await ServerUnderTest.StartLoadingAsync(
            (options, _, _, _) => Task.FromResult<ILlmEngine>(_engines[options.ModelName!] = new ScriptedEngine()), options => Options(options, route), free: _ => 10_000);
        await server.WaitForAsync(health => health.Ready);
        return server;
    }
}
