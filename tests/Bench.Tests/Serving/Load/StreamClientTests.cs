using System.Net;
using System.Net.Sockets;
using System.Text;
using KServePaged.Serving.Load;

namespace KServePaged.Bench.Tests.Serving.Load;

public sealed class StreamClientTests : IDisposable
{
    private const int Streams = 3;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly TaskCompletionSource _full = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _underWay;
    private int _most;

    public StreamClientTests() => _listener.Start();

    public void Dispose() => _listener.Dispose();

    [Fact]
    public async Task RunAsync_InAClosedLoop_KeepsAsManyStreamsBusy()
    {
        LoadPoint point = LoadPoint.Named($"closed-{Streams}", quick: false) with { Requests = 7, Prompt = new(2, 2), Output = new(2, 2) };
        IReadOnlyList<LoadRequest> requests = point.Draw(1);
        Task<string[]> served = ServeAsync(requests.Count);
        using var client = new StreamClient(((IPEndPoint)_listener.LocalEndpoint).Port);
        RecordedAnswer[] answers = await client.RunAsync(point, requests);
        Assert.Equal(Streams, _most);
        Assert.Equal(requests.Select(request => Encoding.ASCII.GetString(request.Body())).Order(), (await served).Order());
        Assert.All(requests.Zip(answers, AnswerTiming.Read), answer => Assert.Equal(2, answer.TokenTimes.Count));
    }

    [Fact]
    public async Task RunAsync_WhenTheConnectionBreaks_KeepsThatForTheRequest()
    {
        LoadPoint point = LoadPoint.Named("closed-1", quick: false) with { Requests = 1 };
        using var client = new StreamClient(((IPEndPoint)_listener.LocalEndpoint).Port);
        Task<RecordedAnswer[]> running = client.RunAsync(point, point.Draw(1));
        using (TcpClient connection = await _listener.AcceptTcpClientAsync(TestContext.Current.CancellationToken))
        {
            await ReadBodyAsync(connection.GetStream());
        }
        Assert.NotNull(Assert.Single(await running).Failure);
    }

    // No answer before as many requests are under way as there shall be: fewer would wait for ever.
    private async Task<string[]> ServeAsync(int requests)
    {
        var serving = new List<Task<string>>();
        for (int i = 0; i < requests; i++)
        {
            TcpClient connection = await _listener.AcceptTcpClientAsync();
            serving.Add(AnswerAsync(connection));
        }
        return await Task.WhenAll(serving);
    }

    private async Task<string> AnswerAsync(TcpClient connection)
    {
        using (connection)
        {
            NetworkStream stream = connection.GetStream();
            string body = await ReadBodyAsync(stream);
            int underWay = Interlocked.Increment(ref _underWay);
            _most = Math.Max(_most, underWay);
            if (underWay == Streams)
            {
                _full.TrySetResult();
            }
            await _full.Task;
            Interlocked.Decrement(ref _underWay);
            const string Token = "data: {\"choices\":[{\"text\":\"a\"}]}\n\n";
            const string End = "data: {\"choices\":[],\"usage\":{\"completion_tokens\":2}}\n\ndata: [DONE]\n\n";
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{Token}{Token}{End}"));
            return body;
        }
    }

    private static async Task<string> ReadBodyAsync(NetworkStream stream)
    {
        using var reader = new StreamReader(stream, Encoding.ASCII, false, 1024, leaveOpen: true);
        int length = 0;
        for (string? line = await reader.ReadLineAsync(); line is { Length: > 0 }; line = await reader.ReadLineAsync())
        {
            length = line.StartsWith("Content-Length: ", StringComparison.OrdinalIgnoreCase) ? int.Parse(line[16..], System.Globalization.CultureInfo.InvariantCulture) : length;
        }
        char[] body = new char[length];
        await reader.ReadBlockAsync(body);
        return new string(body);
    }
}
