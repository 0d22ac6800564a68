using System.Text.Json;
using KServePaged.Engine;
using KServePaged.Engine.Configuration;
using KServePaged.Predictor.Hosting;
using KServePaged.Predictor.Tests.Doubles;

namespace KServePaged.Predictor.Tests.Hosting;

public sealed class EngineHostTests
{
    [Fact]
    public async Task Health_WhileLoading_Is503WithStageAndProgressThenEmpty200()
    {
        var engine = new ScriptedEngine();
        var release = new TaskCompletionSource();
        await using ServerUnderTest server = await ServerUnderTest.StartLoadingAsync(async (_, progress, _, _) =>
        {
            progress!.Report(new LoadProgress("weights", 25, 100)); // the host always listens
            await release.Task;
            return engine;
        });
        await server.WaitForAsync(health => health.Stage == "weights");

        (int status, JsonElement body) = await server.GetAsync("/health");
        Assert.Equal(503, status);
        Assert.Equal("""{"status":"weights","bytes_done":25,"bytes_total":100}""", body.GetRawText());
        Assert.Equal(200, (await server.GetAsync("/")).Status);

        release.SetResult();
        await server.WaitForAsync(health => health.Ready);
        (status, body) = await server.GetAsync("/health");
        Assert.Equal((200, JsonValueKind.Undefined), (status, body.ValueKind));
        Assert.Empty(engine.Requests); // nothing in its statistics but what callers asked for
    }

    [Fact]
    public async Task Load_WhenItFails_ReportsAndAsksTheHostToStop()
    {
        int before = Environment.ExitCode;
        await using ServerUnderTest server = await ServerUnderTest.StartLoadingAsync(
            (_, _, _, _) => throw new InvalidDataException("config.json: hidden_size is missing"));
        HealthReport health = await server.WaitForAsync(report => report.Stage == "failed");
        Assert.False(health.Live);
        Assert.Equal("config.json: hidden_size is missing", health.Message);
        await server.WaitForShutdownAsync();
        Assert.Equal(ExitCodes.LoadFailed, Environment.ExitCode);
        Environment.ExitCode = before;
    }

    [Fact]
    public async Task Load_WhenTheDirectoryIsMissing_FailsNamingIt()
    {
        int before = Environment.ExitCode;
        await using ServerUnderTest server = await ServerUnderTest.StartLoadingAsync(
            (_, _, _, _) => Task.FromResult<ILlmEngine>(new ScriptedEngine()),
            options => options with { Engine = options.Engine with { ModelPath = "/nowhere/models" } });
        Assert.Equal("--model_dir '/nowhere/models' is not a directory.", (await server.WaitForAsync(report => report.Stage == "failed")).Message);
        await server.WaitForShutdownAsync();
        Environment.ExitCode = before;
    }

    [Fact]
    public async Task Load_WhenTheDirectoryIsALateLink_WaitsForIt()
    {
        string real = Directory.CreateTempSubdirectory().FullName;
        File.WriteAllText(Path.Combine(real, "config.json"), "{}");
        string link = real + "-link";
        await using ServerUnderTest server = await ServerUnderTest.StartLoadingAsync(
            (_, _, _, _) => Task.FromResult<ILlmEngine>(new ScriptedEngine()),
            options => options with { Engine = options.Engine with { ModelPath = link }, ModelWait = TimeSpan.FromSeconds(30) });
        Assert.Equal("waiting", server.Repository.Health.Stage);
        Directory.CreateSymbolicLink(link, real);
        await server.WaitForAsync(health => health.Ready);
        Directory.Delete(link);
        Directory.Delete(real, recursive: true);
    }

    [Fact]
    public async Task Ready_PrintsACurlLineWithTheBoundPort()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        Assert.Equal(
            $"curl http://127.0.0.1:{server.Address.Port}/v1/chat/completions -H 'Content-Type: application/json' "
            + "-d '{\"messages\":[{\"role\":\"user\",\"content\":\"Hello! Who are you?\"}]}'\n",
            server.Output.ToString());
    }

    [Fact]
    public async Task Health_WhenTheEngineFailsLater_FailsReadinessAndLivenessUntilTheProcessEnds()
    {
        int before = Environment.ExitCode;
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        server.Engine.Failure = new InvalidOperationException("device lost");
        (int status, JsonElement body) = await server.GetAsync("/health");
        Assert.Equal(503, status);
        Assert.Equal("""{"status":"failed","message":"device lost"}""", body.GetRawText());
        Assert.False(server.Repository.Health.Live);
        Assert.Equal(500, (await server.PostAsync("/v1/completions", """{"prompt":"x"}""")).Status);

        await server.WaitForShutdownAsync();
        Assert.Equal(ExitCodes.EngineFailed, Environment.ExitCode);
        Assert.Contains(server.Log.Messages, message => message.Contains("'tales' has failed: device lost. This process ends", StringComparison.Ordinal));
        Environment.ExitCode = before;
    }
}
