using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace KServePaged.Predictor.Tests.Doubles;

/// <summary>A server of somebody else: it keeps what it is sent, and answers as the test says.</summary>
internal sealed class WebDouble : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentQueue<WebDoubleRequest> _requests = new();

    private WebDouble(WebApplication app) => _app = app;

    public Uri Address => new(_app.Urls.First());

    /// <summary>Writes the answer to the request of that number, from 0; unless set, it is an empty 200.</summary>
    public Func<int, HttpContext, Task> Answer { get; set; } = (_, _) => Task.CompletedTask;

    public IReadOnlyList<WebDoubleRequest> Requests => [.. _requests];

    public static async Task<WebDouble> StartAsync(HttpProtocols protocols = HttpProtocols.Http1)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(System.Net.IPAddress.Loopback, 0, listen => listen.Protocols = protocols));
        WebApplication app = builder.Build();
        var made = new WebDouble(app);
        app.Run(made.TakeAsync);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return made;
    }

    /// <summary>Waits for so many requests, at most twenty seconds.</summary>
    public async Task<IReadOnlyList<WebDoubleRequest>> WaitForAsync(int count)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(20));
        while (_requests.Count < count)
        {
            await Task.Delay(5, limit.Token);
        }
        return Requests;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task TakeAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        int number;
        lock (_requests)
        {
            number = _requests.Count;
            _requests.Enqueue(new WebDoubleRequest(
                context.Request.Path.Value ?? "", context.Request.Headers.ToDictionary(pair => pair.Key.ToLowerInvariant(), pair => pair.Value.ToString()), body.ToArray()));
        }
        await Answer(number, context);
    }
}
