using System.Net.Sockets;
using KServePaged.Predictor.Tests.Doubles;
using KServePaged.Predictor.Transport;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace KServePaged.Predictor.Tests.Transport;

/// <summary>Callers that do not say, or not completely, what they speak.</summary>
public sealed class OnePortTests
{
    private const string Get = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM")]
    public async Task Caller_WhenSilent_IsDropped(string beginning)
    {
        await using WebApplication app = await StartAsync(TimeSpan.FromMilliseconds(50));
        using TcpClient client = await RawSocket.OpenAsync(new Uri(app.Urls.Single()));
        await RawSocket.SendAsync(client, System.Text.Encoding.ASCII.GetBytes(beginning));
        Assert.Equal("", await RawSocket.ReadToEndAsync(client));
    }

    [Theory]
    [InlineData("")]
    [InlineData("P")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM")]
    public async Task Caller_WhenItCloses_IsForgotten(string beginning)
    {
        await using WebApplication app = await StartAsync(Timeout.InfiniteTimeSpan);
        using TcpClient client = await RawSocket.OpenAsync(new Uri(app.Urls.Single()));
        await RawSocket.SendAsync(client, System.Text.Encoding.ASCII.GetBytes(beginning));
        client.Client.Shutdown(SocketShutdown.Send);
        Assert.DoesNotContain("200", await RawSocket.ReadToEndAsync(client));
    }

    [Fact]
    public async Task Callers_WhenHundredsAreSilent_KeepNobodyWaiting()
    {
        await using WebApplication app = await StartAsync(Timeout.InfiniteTimeSpan);
        var address = new Uri(app.Urls.Single());
        TcpClient[] silent = await Task.WhenAll(Enumerable.Range(0, 300).Select(_ => RawSocket.OpenAsync(address)));
        foreach (TcpClient half in silent.Take(100))
        {
            await RawSocket.SendAsync(half, "PRI * HTTP"u8.ToArray());
        }
        Assert.StartsWith("HTTP/1.1 200", await RawSocket.ExchangeAsync(address, Get));
        foreach (TcpClient client in silent)
        {
            client.Dispose();
        }
    }

    [Fact]
    public async Task Preface_WhenItArrivesByteByByte_IsStillHttp2()
    {
        await using WebApplication app = await StartAsync(Timeout.InfiniteTimeSpan);
        using TcpClient client = await RawSocket.OpenAsync(new Uri(app.Urls.Single()));
        client.NoDelay = true;
        foreach (byte b in "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray())
        {
            await RawSocket.SendAsync(client, [b]);
        }
        using var http2 = new RawHttp2(client);
        await http2.SendFrameAsync(RawHttp2.Settings, 0, 0, []);
        Assert.NotNull(await http2.ReadUntilAsync(RawHttp2.Settings));
    }

    [Fact]
    public async Task Request_WhenItArrivesByteByByte_IsAnswered()
    {
        await using WebApplication app = await StartAsync(Timeout.InfiniteTimeSpan);
        using TcpClient client = await RawSocket.OpenAsync(new Uri(app.Urls.Single()));
        client.NoDelay = true;
        foreach (byte b in System.Text.Encoding.ASCII.GetBytes(Get))
        {
            await RawSocket.SendAsync(client, [b]);
        }
        Assert.StartsWith("HTTP/1.1 200", await RawSocket.ReadToEndAsync(client));
    }

    private static async Task<WebApplication> StartAsync(TimeSpan firstBytes)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AllowAlternateSchemes = true;
            kestrel.Listen(System.Net.IPAddress.Loopback, 0, listen => listen.UseOnePort(firstBytes: firstBytes));
        });
        builder.Logging.ClearProviders();
        WebApplication app = builder.Build();
        app.Run(context => context.Response.WriteAsync("here"));
        await app.StartAsync(Cancel);
        return app;
    }
}
