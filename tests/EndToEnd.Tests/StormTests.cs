using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using KServePaged.TestSupport;

namespace KServePaged.EndToEnd.Tests;

/// <summary>Callers that finish, leave, send half a request or nonsense, all at once; afterwards nothing may be left behind.</summary>
public sealed class StormTests
{
    private const int Calls = 200;
    private const int Seed = 20260101;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task MixedCallers_LeaveNothingRunningAndNoBlockInUse()
    {
        await using ServerProcess server = await ServerProcess.StartAsync(
            $"--model_dir={SharedData.PathOf("models/stories260K")}", $"--chat_template={SharedData.PathOf("vllm/chat_template.jinja")}", "--max_num_seqs=16");
        string before = await CompleteAsync(server);
        using var gate = new SemaphoreSlim(48);
        await Task.WhenAll(Enumerable.Range(0, Calls).Select(async i =>
        {
            await gate.WaitAsync(Cancel);
            try
            {
                await CallAsync(server, new Random(Seed + i));
            }
            finally
            {
                gate.Release();
            }
        }));
        Assert.Equal(before, await CompleteAsync(server));
        Assert.Equal((0, 0, 0), await SettleAsync(server));
        Assert.DoesNotContain("warn:", server.Log);
        Assert.DoesNotContain("fail:", server.Log);
    }

    private static async Task CallAsync(ServerProcess server, Random random)
    {
        int kind = random.Next(6);
        if (kind == 0)
        {
            using var client = new TcpClient();
            await client.ConnectAsync(server.Http.BaseAddress!.Host, server.Http.BaseAddress.Port, Cancel);
            await client.GetStream().WriteAsync("POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"pro"u8.ToArray(), Cancel);
            return;
        }
        var body = new Dictionary<string, object>
        {
            ["prompt"] = string.Concat(Enumerable.Repeat("Once upon a time ", random.Next(1, 12))),
            ["max_tokens"] = random.Next(1, 300),
            ["temperature"] = kind == 1 ? -1 : random.Next(2),
            ["ignore_eos"] = true,
            ["stream"] = kind >= 3,
        };
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        using HttpResponseMessage response = await PostAsync(server, JsonSerializer.Serialize(body), leave.Token);
        Assert.Equal(kind == 1 ? 400 : 200, (int)response.StatusCode);
        if (kind == 5)
        {
            await using Stream stream = await response.Content.ReadAsStreamAsync(leave.Token);
            await stream.ReadExactlyAsync(new byte[random.Next(1, 100)], leave.Token);
            return; // in the middle of the stream
        }
        string text = await response.Content.ReadAsStringAsync(leave.Token);
        Assert.True(kind < 3 || text.EndsWith("data: [DONE]\n\n", StringComparison.Ordinal), text);
    }

    private static async Task<string> CompleteAsync(ServerProcess server)
    {
        using HttpResponseMessage response = await PostAsync(server, """{"prompt":"Once upon a time","max_tokens":40,"temperature":0}""", Cancel);
        JsonElement answer = JsonDocument.Parse(await response.Content.ReadAsStringAsync(Cancel)).RootElement;
        return answer.GetProperty("choices")[0].GetProperty("text").GetString()!; // always there
    }

    private static Task<HttpResponseMessage> PostAsync(ServerProcess server, string body, CancellationToken cancel) => server.Http.SendAsync(
        new HttpRequestMessage(HttpMethod.Post, "/v1/completions") { Content = new StringContent(body, Encoding.UTF8, "application/json") },
        HttpCompletionOption.ResponseHeadersRead,
        cancel);

    /// <summary>Running, waiting and the used share of the cache, once they are all zero or after ten seconds.</summary>
    private static async Task<(double Running, double Waiting, double Used)> SettleAsync(ServerProcess server)
    {
        (double, double, double) seen = default;
        for (int i = 0; i < 100; i++)
        {
            string metrics = await server.Http.GetStringAsync("/metrics", Cancel);
            seen = (Value(metrics, "vllm:num_requests_running{"), Value(metrics, "vllm:num_requests_waiting{"), Value(metrics, "vllm:kv_cache_usage_perc{"));
            if (seen == (0, 0, 0))
            {
                return seen;
            }
            await Task.Delay(100, Cancel);
        }
        return seen;
    }

    private static double Value(string metrics, string name)
    {
        string line = metrics.Split('\n').Single(line => line.StartsWith(name, StringComparison.Ordinal));
        return double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture);
    }
}
