using KServePaged.Engine.Configuration;
using KServePaged.Predictor.Tests.Doubles;

namespace KServePaged.Predictor.Tests.Hosting;

/// <summary>Requests that come before the model is loaded.</summary>
public sealed class LoadQueueTests
{
    private const string Completions = "/v1/completions";

    [Theory]
    [InlineData(Completions, """{"prompt":"x"}""")]
    [InlineData(Completions, """{"prompt":"x","stream":true}""")]
    [InlineData("/v2/models/tales/generate", """{"text_input":"x"}""")]
    [InlineData("/v2/models/tales/infer", """{"inputs":[{"name":"text_input","shape":[1],"datatype":"BYTES","data":["x"]}]}""")]
    [InlineData("/v1/models/tales:predict", """{"instances":["x"]}""")]
    public async Task Request_WhileTheModelLoads_IsAnsweredWhenItIsLoaded(string path, string body)
    {
        var release = new TaskCompletionSource();
        await using ServerUnderTest server = await StartAsync(release.Task, TimeSpan.FromMinutes(1));
        Task<HttpResponseMessage> waiting = server.SendAsync(path, body);
        Assert.Equal(503, (await server.GetAsync("/health")).Status); // probes do not wait
        Assert.False(waiting.IsCompleted);
        release.SetResult();
        using HttpResponseMessage response = await waiting;
        Assert.Equal(200, (int)response.StatusCode);
        Assert.Contains("world", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Completions, """{"prompt":"x","stream":true}""", "data: [DONE]\n\n")]
    [InlineData("/v2/models/tales/generate_stream", """{"text_input":"x"}""", "}\n\n")]
    public async Task Stream_HearsOfTheProgress(string path, string body, string end)
    {
        var release = new TaskCompletionSource();
        var clock = new ManualClock();
        await using ServerUnderTest server = await StartAsync(release.Task, TimeSpan.FromDays(1), clock);
        Task<HttpResponseMessage> waiting = server.SendAsync(path, body);
        clock.Advance(TimeSpan.FromSeconds(6)); // perhaps before it began to wait: then the next step counts
        while (!waiting.IsCompleted)
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
        using HttpResponseMessage response = await waiting; // its headers are here, and the model is not loaded yet
        release.SetResult();
        string text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.StartsWith(": loading: weights, 25 of 100 MB\n\n", text, StringComparison.Ordinal);
        Assert.EndsWith(end, text, StringComparison.Ordinal);
        Assert.Contains("\ndata: {", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stream_WhenTheLoadTakesTooLong_EndsWithAnErrorEvent()
    {
        var clock = new ManualClock();
        await using ServerUnderTest server = await StartAsync(Task.Delay(Timeout.Infinite, TestContext.Current.CancellationToken), TimeSpan.FromSeconds(20), clock);
        Task<HttpResponseMessage> waiting = server.SendAsync(Completions, """{"prompt":"x","stream":true}""");
        while (!waiting.IsCompleted)
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
        using HttpResponseMessage response = await waiting;
        clock.Advance(TimeSpan.FromSeconds(20));
        string text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.Contains("data: {\"error\":{\"message\":\"The model 'tales' is still loading (weights, 25 of 100 MB).\"", text, StringComparison.Ordinal);
        Assert.EndsWith("data: [DONE]\n\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Request_WhenTheLimitPasses_Is503WithProgress()
    {
        await using ServerUnderTest server = await StartAsync(Task.Delay(Timeout.Infinite, TestContext.Current.CancellationToken), TimeSpan.FromMilliseconds(60));
        using HttpResponseMessage response = await server.SendAsync(Completions, """{"prompt":"x"}""");
        Assert.Equal((503, "1"), ((int)response.StatusCode, response.Headers.GetValues("Retry-After").Single()));
    }

    private static async Task<ServerUnderTest> StartAsync(Task release, TimeSpan limit, TimeProvider? clock = null)
    {
        ServerUnderTest server = await ServerUnderTest.StartLoadingAsync(
            async (_, progress, _, _) =>
            {
                progress.Report(new LoadProgress("weights", 25_000_000, 100_000_000));
                await release;
                return new ScriptedEngine();
            },
            options => options with { LoadWait = limit },
            clock: clock);
        await server.WaitForAsync(health => health.Stage == "weights");
        return server;
    }
}
