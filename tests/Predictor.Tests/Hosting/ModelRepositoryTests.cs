using System.Collections.Concurrent;
using System.Text.Json;
using KServePaged.Engine;
using KServePaged.Engine.Configuration;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Hosting;
using KServePaged.Predictor.Protocols.OpenInference.Grpc;
using KServePaged.Predictor.Tests.Doubles;
using KServePaged.Predictor.Tests.Transport.Grpc;

namespace KServePaged.Predictor.Tests.Hosting;

/// <summary>Several models in one process, over directories on disk and scripted engines.</summary>
public sealed class ModelRepositoryTests : IDisposable
{
    private const long Free = 10_000;

    private readonly string _root = Directory.CreateTempSubdirectory().FullName;
    private readonly ConcurrentDictionary<string, ScriptedEngine> _engines = new();
    private readonly ConcurrentQueue<EngineOptions> _loads = new();

    /// <summary>Runs before a model is loaded.</summary>
    private Func<EngineOptions, Task> _beforeLoad = _ => Task.CompletedTask;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public async Task Start_LoadsEveryDirectoryWithAConfigUnderItsName()
    {
        Add("beta");
        Add("alpha");
        Add("org/gamma");
        Directory.CreateDirectory(Path.Combine(_root, "no-model"));
        Add(".hidden");
        await using ServerUnderTest server = await StartAsync();

        Assert.Equal(["alpha", "beta", "org/gamma"], _loads.Select(options => options.ModelName));
        Assert.All(_loads, options => Assert.Equal(Path.Combine(_root, options.ModelName!), options.ModelPath));
        JsonElement listed = (await server.GetAsync("/v1/models")).Body.GetProperty("data");
        Assert.Equal(["alpha", "beta", "org/gamma"], listed.EnumerateArray().Select(entry => entry.GetProperty("id").GetString()!));
        Assert.Equal("""{"models":["alpha","beta","org/gamma"]}""", (await server.GetAsync("/v2/models")).Body.GetRawText());
        Assert.StartsWith("curl http", server.Output.ToString(), StringComparison.Ordinal);
        Assert.Contains("{\"model\":\"alpha\",\"messages\"", server.Output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Requests_GoToTheModelTheyName()
    {
        Add("a");
        Add("org/b");
        await using ServerUnderTest server = await StartAsync();
        Assert.Equal(200, (await server.PostAsync("/v1/completions", """{"model":"org/b","prompt":"x"}""")).Status);
        Assert.Equal(200, (await server.PostAsync("/v2/models/org/b/generate", """{"text_input":"x"}""")).Status);
        Assert.Equal(200, (await server.PostAsync("/v2/models/a/generate", """{"text_input":"x"}""")).Status);
        Assert.Equal((1, 2), (_engines["a"].Requests.Count, _engines["org/b"].Requests.Count));

        (int status, JsonElement body) = await server.PostAsync("/v1/completions", """{"prompt":"x"}""");
        Assert.Equal((404, "A model must be named; served: a, org/b."), (status, body.GetProperty("error").GetProperty("message").GetString()));
    }

    [Fact]
    public async Task Start_WithLoadModel_LoadsOnlyThoseAndIndexesTheRest()
    {
        Add("a");
        Add("b");
        await using ServerUnderTest server = await StartAsync(["b"]);
        Assert.Equal(
            """[{"name":"a","version":"1","state":"UNAVAILABLE","reason":"unloaded"},{"name":"b","version":"1","state":"READY","reason":""}]""",
            (await server.PostAsync("/v2/repository/index", "")).Body.GetRawText());
        Assert.Equal("""{"models":["b"]}""", (await server.GetAsync("/v2/models")).Body.GetRawText());
        Assert.Equal(404, (await server.PostAsync("/v2/models/a/generate", """{"text_input":"x"}""")).Status);
        Assert.Equal((503, false), Ready(await server.GetAsync("/v2/models/a/ready")));
        Assert.Equal(200, (await server.GetAsync("/v2/health/ready")).Status);
    }

    [Fact]
    public async Task Load_OfADirectoryThatAppeared_ServesIt()
    {
        await using ServerUnderTest server = await StartAsync(["none"]);
        Add("late");
        Assert.Equal((200, """{"name":"late","load":true}"""), Raw(await server.PostAsync("/v2/repository/models/late/load", "")));
        Assert.Equal(200, (await server.PostAsync("/v1/completions", """{"model":"late","prompt":"x"}""")).Status);
        Assert.Equal((200, true), Ready(await server.GetAsync("/v2/models/late/ready")));
    }

    [Fact]
    public async Task Load_WhileItLoads_Answers503WithProgressAndOthersServe()
    {
        Add("a");
        Add("b");
        var reached = new TaskCompletionSource();
        var release = new TaskCompletionSource();
        await using ServerUnderTest server = await StartAsync(["a"]);
        _beforeLoad = async _ =>
        {
            reached.SetResult();
            await release.Task;
        };
        Task<(int Status, JsonElement Body)> loading = server.PostAsync("/v2/repository/models/b/load", "{}");
        await reached.Task.WaitAsync(TestContext.Current.CancellationToken);

        (int status, JsonElement body) = await server.PostAsync("/v2/models/b/generate", """{"text_input":"x"}""");
        Assert.Equal((503, "The model 'b' is still loading (weights, 25 of 100 MB)."), (status, body.GetProperty("error").GetString()));
        Assert.Equal(503, (await server.PostAsync("/v1/completions", """{"model":"b","prompt":"x"}""")).Status);
        Assert.Equal(200, (await server.PostAsync("/v1/completions", """{"model":"a","prompt":"x"}""")).Status);
        Assert.Equal(200, (await server.GetAsync("/health")).Status); // one that comes later does not take the server out of rotation
        Assert.Contains("\"state\":\"LOADING\",\"reason\":\"weights, 25 of 100 MB\"", (await server.PostAsync("/v2/repository/index", "{}")).Body.GetRawText(), StringComparison.Ordinal);
        release.SetResult();
        Assert.Equal(200, (await loading).Status);
    }

    [Fact]
    public async Task Unload_LetsRunningRequestsEndThenFrees()
    {
        Add("a");
        Add("b");
        await using ServerUnderTest server = await StartAsync();
        ScriptedEngine engine = _engines["a"];
        var held = new TaskCompletionSource();
        engine.BeforeDelta = (delta, _) => delta == 1 ? held.Task : Task.CompletedTask;
        using HttpResponseMessage running = await server.SendAsync("/v2/models/a/generate_stream", """{"text_input":"x"}""");

        Task<(int Status, JsonElement Body)> unloading = server.PostAsync("/v2/repository/models/a/unload", """{"parameters":{"unload_dependents":false}}""");
        while (!engine.Drains)
        {
            await Task.Delay(1, TestContext.Current.CancellationToken);
        }
        Assert.Equal(404, (await server.PostAsync("/v2/models/a/generate", """{"text_input":"x"}""")).Status);
        Assert.Contains("UNLOADING", (await server.PostAsync("/v2/repository/index", "")).Body.GetRawText(), StringComparison.Ordinal);
        held.SetResult();
        string text = await running.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.Contains("\"text_output\":\"!\"", text, StringComparison.Ordinal); // its last piece
        Assert.Equal((200, """{"name":"a","unload":true}"""), Raw(await unloading));
        Assert.True(engine.IsDisposed);
        Assert.Equal("""{"models":["b"]}""", (await server.GetAsync("/v2/models")).Body.GetRawText());
        Assert.Equal(200, (await server.PostAsync("/v2/repository/models/a/unload", "")).Status); // twice is no fault
    }

    [Fact]
    public async Task Load_OfALoadedModel_LoadsAgainOnlyWhenItsFilesChanged()
    {
        Add("a");
        await using ServerUnderTest server = await StartAsync();
        Assert.Equal(200, (await server.PostAsync("/v2/repository/models/a/load", "")).Status);
        Assert.Single(_loads);
        await File.WriteAllTextAsync(Path.Combine(_root, "a", "config.json"), "{\"new\":1}", TestContext.Current.CancellationToken);
        ScriptedEngine before = _engines["a"];
        Assert.Equal(200, (await server.PostAsync("/v2/repository/models/a/load", "")).Status);
        Assert.Equal(2, _loads.Count);
        Assert.True(before.IsDisposed);
        Assert.NotSame(before, _engines["a"]);
    }

    [Fact]
    public async Task Load_WhenItFails_SaysWhyAndLeavesTheServerReady()
    {
        Add("a");
        Add("broken");
        await using ServerUnderTest server = await StartAsync(["a"]);
        _beforeLoad = _ => throw new InvalidDataException("config.json: hidden_size is missing");
        (int status, JsonElement body) = await server.PostAsync("/v2/repository/models/broken/load", "");
        Assert.Equal((400, "failed to load 'broken': config.json: hidden_size is missing"), (status, body.GetProperty("error").GetString()));
        Assert.Contains(
            "\"name\":\"broken\",\"version\":\"1\",\"state\":\"UNAVAILABLE\",\"reason\":\"config.json: hidden_size is missing\"",
            (await server.PostAsync("/v2/repository/index", "")).Body.GetRawText(), StringComparison.Ordinal);
        Assert.Equal(200, (await server.GetAsync("/health")).Status);

        (status, body) = await server.PostAsync("/v2/repository/models/nowhere/load", "");
        Assert.Equal((404, $"failed to load 'nowhere': there is no directory of that name with a config.json in {_root}."), (status, body.GetProperty("error").GetString()));
        (status, body) = await server.PostAsync("/v2/repository/models/a/load", """{"parameters":{"config":"{}"}}""");
        Assert.Equal(400, status);
        Assert.Equal(404, (await server.PostAsync("/v2/repository/models/a/reload", "")).Status);
    }

    [Fact]
    public async Task Start_WhenAModelCannotBeLoaded_EndsTheProcessNamingIt()
    {
        int before = Environment.ExitCode;
        Add("a");
        Add("b");
        _beforeLoad = options => options.ModelName == "b" ? throw new InvalidDataException("no weights") : Task.CompletedTask;
        await using ServerUnderTest server = await ServerUnderTest.StartLoadingAsync(LoadAsync, options => Options(options, null), free: _ => Free);
        Assert.Equal("no weights", (await server.WaitForAsync(report => report.Stage == "failed")).Message);
        await server.WaitForShutdownAsync();
        Assert.Equal(ExitCodes.LoadFailed, Environment.ExitCode);
        Environment.ExitCode = before;
    }

    [Fact]
    public async Task Memory_IsDividedSoThatEveryModelFitsBesideTheOthers()
    {
        Add("big", weightBytes: 3000);
        Add("small", weightBytes: 1000);
        await using ServerUnderTest server = await StartAsync(["small"]);
        await server.PostAsync("/v2/repository/models/big/load", "");
        // 9000 of 10000 may be used; 5000 are left over by all weights, half of which goes to each.
        Assert.Equal([1000 + 2500, 3000 + 2500], _loads.Select(options => options.MemoryBytes!.Value));

        Add("third", weightBytes: 4000); // weights now leave 1000 over, but only 9000 - 2 · 1500 (what the doubles say they took) are not taken
        _beforeLoad = options => throw new InvalidDataException($"it has {options.MemoryBytes}");
        (int status, JsonElement body) = await server.PostAsync("/v2/repository/models/third/load", "");
        Assert.Equal((400, "failed to load 'third': it has 4600"), (status, body.GetProperty("error").GetString()));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Grpc_LoadsAndUnloadsInBothShapes(bool tritons)
    {
        Add("a");
        Add("b");
        await using ServerUnderTest server = await StartAsync(["a"]);
        using var client = new GrpcTestClient(server.Address);
        var load = tritons
            ? new RepositoryModelLoadRequest { RepositoryOrModelName = "", ModelName = "b" }
            : new RepositoryModelLoadRequest { RepositoryOrModelName = "b" };
        RepositoryModelLoadResponse loaded = (await client.CallAsync(Method("RepositoryModelLoad"), load)).Single(RepositoryModelLoadResponse.Parser);
        Assert.Equal(new RepositoryModelLoadResponse { ModelName = "b", IsLoaded = true }, loaded);
        Assert.True((await ModelReadyAsync(client)).Ready);

        var unload = tritons
            ? new RepositoryModelUnloadRequest { ModelName = "b", Parameters = { ["unload_dependents"] = new ModelRepositoryParameter { BoolParam = true } } }
            : new RepositoryModelUnloadRequest { RepositoryOrModelName = "b" };
        RepositoryModelUnloadResponse unloaded = (await client.CallAsync(Method("RepositoryModelUnload"), unload)).Single(RepositoryModelUnloadResponse.Parser);
        Assert.Equal(new RepositoryModelUnloadResponse { ModelName = "b", IsUnloaded = true }, unloaded);
        Assert.False((await ModelReadyAsync(client)).Ready); // known, so an answer and no error: Triton's example asks this way
    }

    [Fact]
    public async Task Load_WhenTheServerDrains_IsRefused()
    {
        Add("a");
        Add("b");
        await using ServerUnderTest server = await StartAsync(["a"]);
        await server.Repository.DrainAsync(CancellationToken.None);
        RequestException refusal = await Assert.ThrowsAsync<RequestException>(() =>
            server.Repository.LoadAsync("b", TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
        Assert.Equal(EngineErrorCode.Draining, refusal.Code);
    }

    private static string Method(string method) => $"/{OpenInferenceGrpc.Service}/{method}";

    private static async Task<ModelReadyResponse> ModelReadyAsync(GrpcTestClient client) =>
        (await client.CallAsync(Method("ModelReady"), new ModelReadyRequest { Name = "b" })).Single(ModelReadyResponse.Parser);

    private static (int Status, bool Ready) Ready((int Status, JsonElement Body) answer) => (answer.Status, answer.Body.GetProperty("ready").GetBoolean());

    private static (int Status, string Body) Raw((int Status, JsonElement Body) answer) => (answer.Status, answer.Body.GetRawText());

    private void Add(string name, int weightBytes = 0)
    {
        string path = Path.Combine(_root, name);
        Directory.CreateDirectory(path);
        File.WriteAllText(Path.Combine(path, "config.json"), "{}");
        File.WriteAllBytes(Path.Combine(path, "model.safetensors"), new byte[weightBytes]);
    }

    private async Task<ServerUnderTest> StartAsync(string[]? load = null)
    {
        ServerUnderTest server = await ServerUnderTest.StartLoadingAsync(LoadAsync, options => Options(options, load is ["none"] ? [] : load), free: _ => Free);
        await server.WaitForAsync(health => health.Ready);
        return server;
    }

    private Predictor.Configuration.ServerOptions Options(Predictor.Configuration.ServerOptions options, string[]? load) => options with
    {
        Engine = options.Engine with { ModelPath = "", MemoryFraction = 0.9 },
        ModelNames = [],
        RepositoryPath = _root,
        LoadModels = load,
    };

    private async Task<ILlmEngine> LoadAsync(
        EngineOptions options, IProgress<LoadProgress> progress, Microsoft.Extensions.Logging.ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        progress.Report(new LoadProgress("weights", 25_000_000, 100_000_000));
        await _beforeLoad(options);
        _loads.Enqueue(options);
        var engine = new ScriptedEngine();
        engine.Model = engine.Model with { MemoryBytes = 1500 };
        return _engines[options.ModelName!] = engine;
    }
}
