using System.Net;
using System.Text;
using System.Text.Json;
using KServePaged.TestSupport;

namespace KServePaged.EndToEnd.Tests;

/// <summary>Replacing the server under load, as a rollout does: no request that was sent may be lost, refused or cut.</summary>
public sealed class RolloutTests
{
    private const int Callers = 4;
    private const string Prompt = """ "prompt":"Once upon a time","max_tokens":80,"temperature":0 """;

    private static int Replacements => Environment.GetEnvironmentVariable("KSERVEPAGED_SLOW") == "1" ? 50 : 4;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Knative's queue-proxy takes no more requests, waits until those on the way have ended, and only then lets SIGTERM through.</summary>
    [Fact]
    public Task Replace_BehindAProxyThatDrains_LosesNothing() => RollAsync("--shutdown_delay=0", async (router, old, next) =>
    {
        router.Route(next);
        await router.QuietAsync(old);
        old.Server.Terminate();
    });

    /// <summary>A Service's endpoints change at the moment of SIGTERM, and every node hears of it a little later.</summary>
    [Fact]
    public Task Replace_WhileBalancersNoticeLate_LosesNothing() => RollAsync("--shutdown_delay=1", async (router, old, next) =>
    {
        old.Server.Terminate();
        await Task.Delay(400, Cancel);
        router.Route(next);
    });

    private static async Task RollAsync(string option, Func<Router, Backend, Backend, Task> replace)
    {
        Backend current = await StartAsync(option);
        string expected = await CompleteAsync(current.Server, isStream: false);
        var router = new Router(current);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        Task<int>[] callers = [.. Enumerable.Range(0, Callers).Select(caller => CallAsync(router, caller, expected, stop.Token))];
        for (int i = 0; i < Replacements; i++)
        {
            Backend next = await StartAsync(option);
            await replace(router, current, next);
            Assert.Equal(0, await current.Server.WaitForExitAsync());
            Assert.DoesNotContain("fail:", current.Server.Log);
            await current.Server.DisposeAsync();
            current = next;
        }
        await stop.CancelAsync();
        int[] answered = await Task.WhenAll(callers);
        Assert.All(answered, count => Assert.InRange(count, Replacements, int.MaxValue));
        TestContext.Current.TestOutputHelper?.WriteLine($"{Replacements} replacements, {answered.Sum()} requests answered, none lost");
        await current.Server.DisposeAsync();
    }

    private static async Task<Backend> StartAsync(string option) =>
        new(await ServerProcess.StartAsync($"--model_dir={SharedData.PathOf("models/stories260K")}", option, "--log_level=warning"));

    private static async Task<int> CallAsync(Router router, int caller, string expected, CancellationToken stop)
    {
        int answered = 0;
        while (!stop.IsCancellationRequested)
        {
            Backend backend = router.Enter();
            try
            {
                Assert.Equal(expected, await CompleteAsync(backend.Server, isStream: (caller + answered) % 2 == 0));
                answered++;
            }
            finally
            {
                backend.Leave();
            }
        }
        return answered;
    }

    private static async Task<string> CompleteAsync(ServerProcess server, bool isStream)
    {
        string body = $$"""{{{Prompt}},"stream":{{(isStream ? "true" : "false")}}}""";
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using HttpResponseMessage response = await server.Http.PostAsync("/v1/completions", content, Cancel);
        string answer = await response.Content.ReadAsStringAsync(Cancel);
        Assert.True(response.StatusCode == HttpStatusCode.OK, $"{(int)response.StatusCode} {answer}");
        if (!isStream)
        {
            return TextOf(answer);
        }
        Assert.EndsWith("data: [DONE]\n\n", answer, StringComparison.Ordinal);
        return string.Concat(answer.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(line => line["data: ".Length..])
            .Where(data => data != "[DONE]").Select(TextOf));
    }

    private static string TextOf(string json) =>
        JsonDocument.Parse(json).RootElement.GetProperty("choices")[0].GetProperty("text").GetString()!; // always there

    private sealed class Backend(ServerProcess server)
    {
        private int _open;

        public ServerProcess Server => server;

        public int Open => Volatile.Read(ref _open);

        public void Enter() => Interlocked.Increment(ref _open);

        public void Leave() => Interlocked.Decrement(ref _open);
    }

    /// <summary>Sends each request to the backend of the moment.</summary>
    private sealed class Router(Backend first)
    {
        private readonly Lock _gate = new();
        private Backend _current = first;

        public Backend Enter()
        {
            lock (_gate)
            {
                _current.Enter();
                return _current;
            }
        }

        public void Route(Backend next)
        {
            lock (_gate)
            {
                _current = next;
            }
        }

        public async Task QuietAsync(Backend backend)
        {
            while (backend.Open > 0)
            {
                await Task.Delay(5, Cancel);
            }
        }
    }
}
