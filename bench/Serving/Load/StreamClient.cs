using System.Net.Http.Headers;
using KServePaged.Serving.Machine;

namespace KServePaged.Serving.Load;

/// <summary>Sends requests and records the bytes of their answers; it reads nothing into them, so that it takes little of the machine it shares with the server.</summary>
internal sealed class StreamClient : IDisposable
{
    private static readonly MediaTypeHeaderValue Json = new("application/json");

    private readonly Uri _address;
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false, UseCookies = false, AllowAutoRedirect = false, ActivityHeadersPropagator = null }) { Timeout = TimeSpan.FromMinutes(15) };

    public StreamClient(int port) => _address = new Uri($"http://127.0.0.1:{port}/v1/completions");

    /// <summary>Runs the point's requests in its way.</summary>
    public async Task<RecordedAnswer[]> RunAsync(LoadPoint point, IReadOnlyList<LoadRequest> requests)
    {
        byte[][] bodies = [.. requests.Select(request => request.Body())];
        var answers = new RecordedAnswer[requests.Count];
        double began = ProcessorClock.Now();
        if (point.Rate > 0)
        {
            await Task.WhenAll(requests.Select((_, i) => ArriveAsync(i)));
        }
        else
        {
            int next = -1;
            await Task.WhenAll(Enumerable.Range(0, point.Streams).Select(_ => StreamAsync()));

            async Task StreamAsync()
            {
                for (int i = Interlocked.Increment(ref next); i < bodies.Length; i = Interlocked.Increment(ref next))
                {
                    answers[i] = await SendAsync(bodies[i], ProcessorClock.Now());
                }
            }
        }
        return answers;

        async Task ArriveAsync(int i)
        {
            double at = began + requests[i].AtSeconds;
            await Task.Delay(TimeSpan.FromSeconds(Math.Max(0, at - ProcessorClock.Now())));
            answers[i] = await SendAsync(bodies[i], at);
        }
    }

    public void Dispose() => _http.Dispose();

    private async Task<RecordedAnswer> SendAsync(byte[] body, double started)
    {
        var answer = new RecordedAnswer(started);
        using var request = new HttpRequestMessage(HttpMethod.Post, _address) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = Json;
        request.Headers.ConnectionClose = true; // a client of its own, as behind a balancer
        try
        {
            using HttpResponseMessage response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead).ConfigureAwait(false);
            answer.Status = (int)response.StatusCode;
            await using Stream stream = await response.Content.ReadAsStreamAsync().ConfigureAwait(false);
            for (int read; (read = await stream.ReadAsync(answer.Room()).ConfigureAwait(false)) > 0;)
            {
                answer.Add(read, ProcessorClock.Now());
            }
        }
        catch (Exception e) when (e is HttpRequestException or IOException or TaskCanceledException)
        {
            answer.Failure = e.Message;
        }
        answer.End(ProcessorClock.Now());
        return answer;
    }
}
