using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using KServePaged.Engine;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Configuration;
using KServePaged.Predictor.Tests.Doubles;

namespace KServePaged.Predictor.Tests.Hosting;

/// <summary>How requests end: by themselves, with their caller, with the engine, with the server.</summary>
public sealed class RequestLifeTests
{
    private const string Stream = """{"prompt":"x","stream":true}""";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/v1/completions", """{"prompt":"x","stream":true}""")]
    [InlineData("/v1/completions", """{"prompt":"x"}""")]
    [InlineData("/v1/completions", """{"prompt":["x","y","z"],"stream":true}""")]
    [InlineData("/v1/completions", """{"prompt":["x","y","z"]}""")]
    [InlineData("/v1/chat/completions", """{"messages":[{"role":"user","content":"x"}],"stream":true}""")]
    public async Task Disconnect_DisposesEveryGeneration(string path, string body)
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        server.Engine.BeforeDelta = (index, token) =>
        {
            if (index == 1)
            {
                reached.TrySetResult();
                return Task.Delay(Timeout.Infinite, token); // the engine has nothing more to say until the caller leaves
            }
            return Task.CompletedTask;
        };
        server.Engine.Closed += () =>
        {
            if (server.Engine.Open == 0)
            {
                closed.TrySetResult();
            }
        };
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        Task<HttpResponseMessage> sent = server.Http.SendAsync(request, HttpCompletionOption.ResponseContentRead, leave.Token);
        await reached.Task.WaitAsync(Cancel);
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sent);
        await closed.Task.WaitAsync(TimeSpan.FromSeconds(10), Cancel);
        Assert.Equal(0, server.Engine.Open);
    }

    /// <summary>Kestrel once looked for another request on the dead connection and warned: the middleware must let it see the exception.</summary>
    [Fact]
    public async Task DisconnectWithinTheBody_IsOrdinary()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(options => options with { Log = new LogOptions { Level = Microsoft.Extensions.Logging.LogLevel.Warning } });
        for (int i = 0; i < 20; i++)
        {
            using var client = new TcpClient();
            await client.ConnectAsync(server.Address.Host, server.Address.Port, Cancel);
            await client.GetStream().WriteAsync("POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"u8.ToArray(), Cancel);
        }
        for (int i = 0; i < 20; i++)
        {
            Assert.Equal(200, (await server.PostAsync("/v1/completions", """{"prompt":"x"}""")).Status);
        }
        await server.StopAsync();
        Assert.Empty(server.Log.Messages);
    }

    [Fact]
    public async Task Drain_LetsRunningStreamsEndAndRefusesNewOnes()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        server.Engine.BeforeDelta = (index, _) =>
        {
            reached.TrySetResult();
            return index == 1 ? release.Task : Task.CompletedTask;
        };
        Task<List<string>> running = server.StreamAsync("/v1/completions", Stream);
        await reached.Task.WaitAsync(Cancel);

        Task stopping = server.StopAsync();
        await server.WaitForAsync(health => health.Stage == "draining");
        (int status, JsonElement body) = await server.GetAsync("/health");
        Assert.Equal((503, """{"status":"draining"}"""), (status, body.GetRawText()));
        using HttpResponseMessage refused = await server.SendAsync("/v1/completions", Stream);
        Assert.Equal((503, "1"), ((int)refused.StatusCode, refused.Headers.GetValues("Retry-After").Single()));
        Assert.False(stopping.IsCompleted);

        release.SetResult();
        List<string> events = await running;
        Assert.Equal("[DONE]", events[^1]);
        Assert.Equal(5, events.Count);
        await stopping.WaitAsync(TimeSpan.FromSeconds(10), Cancel);
    }

    [Fact]
    public async Task Leave_ForTheDelay_IsNotReadyAndStillServes()
    {
        var delay = TimeSpan.FromSeconds(7);
        var clock = new HeldClock(delay);
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(options => options with { ShutdownDelay = delay }, clock: clock);
        Task stopping = server.StopAsync();
        await clock.Asked.WaitAsync(Cancel);

        Assert.Equal(503, (await server.GetAsync("/health")).Status);
        Assert.Equal("""{"ready":false,"error":"not ready: draining","status":"draining"}""", (await server.GetAsync("/v2/health/ready")).Body.GetRawText());
        Assert.Equal(200, (await server.GetAsync("/v2/health/live")).Status);
        using HttpResponseMessage served = await server.SendAsync("/v1/completions", """{"prompt":"x"}""");
        Assert.Equal((200, true), ((int)served.StatusCode, served.Headers.ConnectionClose));
        Assert.False(stopping.IsCompleted);

        clock.End();
        await stopping.WaitAsync(TimeSpan.FromSeconds(10), Cancel);
        Assert.True(server.Engine.IsDisposed);
    }

    [Fact]
    public async Task Drain_PastItsTimeout_CutsWithAbort()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(options => options with { ShutdownTimeout = TimeSpan.FromMilliseconds(1) });
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        server.Engine.BeforeDelta = (index, token) =>
        {
            reached.TrySetResult();
            return index == 1 ? Task.Delay(Timeout.Infinite, token) : Task.CompletedTask;
        };
        Task<List<string>> running = server.StreamAsync("/v1/completions", Stream);
        await reached.Task.WaitAsync(Cancel);
        await server.StopAsync();
        List<string> events = await running;
        Assert.Contains("\"finish_reason\":\"abort\"", events[^2]);
        Assert.Equal("[DONE]", events[^1]);
    }

    [Fact]
    public async Task EngineFailure_MidStream_IsAnErrorEventAndDone()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        server.Engine.BeforeDelta = (index, _) => index == 1 ? throw new RequestException(EngineErrorCode.DeadlineExceeded, "too late") : Task.CompletedTask;
        List<string> events = await server.StreamAsync("/v1/completions", Stream);
        Assert.Equal(3, events.Count);
        Assert.Equal("""{"error":{"message":"too late","type":"TimeoutError","param":null,"code":504}}""", events[1]);
        Assert.Equal("[DONE]", events[2]);

        server.Engine.BeforeDelta = (_, _) => Task.CompletedTask;
        server.Engine.Deltas = _ => [new GenerationDelta { FinishReason = FinishReason.Error }];
        Assert.Equal(500, (await server.PostAsync("/v1/completions", """{"prompt":"x"}""")).Status);
        Assert.Contains("\"code\":500", (await server.StreamAsync("/v1/completions", Stream))[0]);
    }

    [Theory]
    [InlineData("""{"prompt":"x"}""")]
    [InlineData("""{"prompt":["x","y"]}""")]
    public async Task UnforeseenException_Is500WithoutDetails(string body)
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        server.Engine.BeforeDelta = (_, _) => throw new InvalidOperationException("secret path /etc/passwd");
        (int status, JsonElement answer) = await server.PostAsync("/v1/completions", body, request => request.Headers.Add("X-Request-Id", "id-7"));
        Assert.Equal(500, status);
        Assert.Equal(
            """{"error":{"message":"The server failed to answer this request. Its log says why, under id id-7.","type":"InternalServerError","param":null,"code":500}}""",
            answer.GetRawText());
        Assert.Contains("secret path", Assert.Single(server.Log.Messages)); // once, and only here
        Assert.Equal(0, server.Engine.Open);
    }

    [Fact]
    public async Task RequestsWhileLoading_Are503WithARetryHint()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartLoadingAsync((_, _, _, cancel) => NeverAsync(cancel));
        using HttpResponseMessage response = await server.SendAsync("/v1/completions", """{"prompt":"x"}""");
        Assert.Equal((503, "1"), ((int)response.StatusCode, response.Headers.GetValues("Retry-After").Single()));
        Assert.Equal(
            """{"error":{"message":"The model 'tales' is still loading (waiting).","type":"ServiceUnavailableError","param":null,"code":503}}""",
            await response.Content.ReadAsStringAsync(Cancel));
    }

    [Fact]
    public async Task SlowReader_HoldsBackTheEngine()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        int made = 0;
        string text = new('x', 10_000);
        server.Engine.Deltas = _ => Enumerable.Range(0, 100_000).Select(i =>
        {
            Interlocked.Increment(ref made);
            return new GenerationDelta { Text = text, TokenIds = [i] };
        });
        using var client = new TcpClient { ReceiveBufferSize = 4096 };
        await client.ConnectAsync(server.Address.Host, server.Address.Port, Cancel);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(
            $"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {Stream.Length}\r\n\r\n{Stream}"), Cancel);
        // Nobody reads. The production stops once the socket's and Kestrel's buffers are full: it does not move over many polls.
        int last = -1;
        for (int still = 0; still < 40; still = made == last && made > 0 ? still + 1 : 0)
        {
            last = made;
            await Task.Delay(10, Cancel);
        }
        Assert.InRange(made, 1, 5_000); // 50 MB at most, of the gigabyte there would be
    }

    private static async Task<ILlmEngine> NeverAsync(CancellationToken cancellationToken)
    {
        await Task.Delay(Timeout.Infinite, cancellationToken);
        throw new InvalidOperationException("unreachable");
    }
}
