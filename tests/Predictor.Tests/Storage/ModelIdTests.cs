using System.Text.Json;
using KServePaged.Engine;
using KServePaged.Engine.Configuration;
using KServePaged.Predictor.Configuration;
using KServePaged.Predictor.Hosting;
using KServePaged.Predictor.Tests.Doubles;

namespace KServePaged.Predictor.Tests.Storage;

/// <summary>--model_id from the command line to a ready server.</summary>
public sealed class ModelIdTests : IDisposable
{
    private readonly string _cache = Directory.CreateTempSubdirectory().FullName;

    public void Dispose() => Directory.Delete(_cache, recursive: true);

    [Fact]
    public async Task Start_WithAModelId_TellsTheDownloadAndServesTheSnapshot()
    {
        await using HubUnderTest hub = await HubUnderTest.StartAsync();
        var release = new TaskCompletionSource();
        hub.Intercept = async (context, isHub) =>
        {
            if (!isHub)
            {
                await release.Task;
            }
            return false;
        };
        EngineOptions? loaded = null;
        await using ServerUnderTest server = await StartAsync(hub, options =>
        {
            loaded = options;
            return Task.FromResult<ILlmEngine>(new ScriptedEngine());
        });
        await server.WaitForAsync(health => health is { Stage: "download", BytesTotal: > 10_000 });
        (int status, JsonElement body) = await server.GetAsync("/health");
        Assert.Equal((503, "download", 10_534), (status, body.GetProperty("status").GetString(), body.GetProperty("bytes_total").GetInt64()));
        string metrics = await server.Http.GetStringAsync("/metrics", TestContext.Current.CancellationToken);
        Assert.Contains("kservepaged_download_bytes_total", metrics, StringComparison.Ordinal);
        Assert.Contains("kservepaged_model_stage{model_name=\"acme/tiny\",stage=\"download\"} 1\n", metrics, StringComparison.Ordinal);
        Assert.Contains("kservepaged_model_stage{model_name=\"acme/tiny\",stage=\"ready\"} 0\n", metrics, StringComparison.Ordinal);
        Assert.Contains("kservepaged_load_size_bytes{model_name=\"acme/tiny\"} 10534\n", metrics, StringComparison.Ordinal);

        release.SetResult();
        await server.WaitForAsync(health => health.Ready);
        metrics = await server.Http.GetStringAsync("/metrics", TestContext.Current.CancellationToken);
        Assert.Contains("kservepaged_model_stage{model_name=\"acme/tiny\",stage=\"download\"} 0\n", metrics, StringComparison.Ordinal);
        Assert.Contains("kservepaged_model_stage{model_name=\"acme/tiny\",stage=\"ready\"} 1\n", metrics, StringComparison.Ordinal);
        Assert.Equal(Path.Combine(_cache, "models--acme--tiny", "snapshots", HubUnderTest.Commit), loaded!.ModelPath);
        Assert.Equal("acme/tiny", loaded.ModelName);
        Assert.Equal(200, (await server.PostAsync("/v1/completions", """{"model":"acme/tiny","prompt":"x"}""")).Status);
    }

    [Fact]
    public async Task Start_WhenTheModelIsGated_EndsWithOneLine()
    {
        int before = Environment.ExitCode;
        await using HubUnderTest hub = await HubUnderTest.StartAsync();
        hub.Intercept = (context, _) =>
        {
            context.Response.StatusCode = 401;
            context.Response.Headers["X-Error-Code"] = "GatedRepo";
            return Task.FromResult(true);
        };
        await using ServerUnderTest server = await StartAsync(hub, _ => throw new InvalidOperationException("nothing is loaded"));
        HealthReport health = await server.WaitForAsync(report => report.Stage == "failed");
        Assert.StartsWith("acme/tiny is gated: accept its terms at ", health.Message, StringComparison.Ordinal);
        await server.WaitForShutdownAsync();
        Assert.Equal(ExitCodes.LoadFailed, Environment.ExitCode);
        Environment.ExitCode = before;
    }

    private Task<ServerUnderTest> StartAsync(HubUnderTest hub, Func<EngineOptions, Task<ILlmEngine>> load)
    {
        var environment = new ServerEnvironment { Hub = new HubOptions { Endpoint = hub.Endpoint, CachePath = _cache } };
        var serve = (CommandLineResult.Serve)CommandLine.Parse(["--model_dir=/mnt/models", "--model_id=acme/tiny"], environment);
        return ServerUnderTest.StartLoadingAsync(
            (options, _, _, _) => load(options), basis => serve.Options with { Host = basis.Host, Port = basis.Port, Log = basis.Log });
    }
}
