using System.Text;
using System.Text.Json;

namespace KServePaged.EndToEnd.Tests;

/// <summary>Callers that keep a server busy until they are told to stop, and now and then a request for each kind of event.</summary>
internal sealed class MetricsLoad : IAsyncDisposable
{
    private const int Callers = 6;

    private readonly CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
    private readonly Task[] _callers;

    public MetricsLoad(ServerProcess server) => _callers = [.. Enumerable.Range(0, Callers).Select(caller => RunAsync(server, caller))];

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_callers);
        _stop.Dispose();
    }

    /// <summary>One completion, streamed or not; two outputs where <paramref name="round"/> is odd, so that one waits for the other's prompt.</summary>
    public static async Task CompleteAsync(ServerProcess server, int caller, int round, CancellationToken cancel)
    {
        string body = JsonSerializer.Serialize(new Dictionary<string, object>
        {
            ["prompt"] = string.Concat(Enumerable.Repeat($"Once upon a time there was number {caller}. ", 8)),
            ["max_tokens"] = 40 + round % 7,
            ["n"] = 1 + round % 2,
            ["temperature"] = 1,
            ["stream"] = caller % 2 == 0,
            ["ignore_eos"] = true,
        });
        using HttpResponseMessage response = await server.Http.PostAsync("/v1/completions", new StringContent(body, Encoding.UTF8, "application/json"), cancel);
        string text = await response.Content.ReadAsStringAsync(cancel);
        Assert.True((int)response.StatusCode is 200 or 429 or 503, text);
    }

    private async Task RunAsync(ServerProcess server, int caller)
    {
        try
        {
            for (int round = 0; !_stop.IsCancellationRequested; round++)
            {
                await CompleteAsync(server, caller, round, _stop.Token);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            return; // in the middle of a request: the server counts an abort
        }
    }
}
