using System.Net;
using System.Net.Sockets;
using System.Text;

namespace KServePaged.Predictor.Tests.Doubles;

/// <summary>A connection on which a test says what it likes, byte for byte.</summary>
internal static class RawSocket
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    public static async Task<TcpClient> OpenAsync(Uri address)
    {
        var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Parse(address.Host), address.Port, TestContext.Current.CancellationToken);
        return client;
    }

    /// <summary>Sends, then reads until the server closes; Latin-1. A server that keeps the connection fails the test.</summary>
    public static async Task<string> ExchangeAsync(Uri address, string bytes)
    {
        using TcpClient client = await OpenAsync(address);
        await SendAsync(client, Encoding.Latin1.GetBytes(bytes));
        return await ReadToEndAsync(client);
    }

    public static async Task SendAsync(TcpClient client, byte[] bytes) => await client.GetStream().WriteAsync(bytes, TestContext.Current.CancellationToken);

    /// <summary>What comes before the server closes, orderly or not; Latin-1.</summary>
    public static async Task<string> ReadToEndAsync(TcpClient client)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(Limit);
        var text = new StringBuilder();
        byte[] buffer = new byte[4096];
        try
        {
            while (await client.Client.ReceiveAsync(buffer, limit.Token) is var read and > 0)
            {
                text.Append(Encoding.Latin1.GetString(buffer, 0, read));
            }
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            return text.ToString();
        }
        return text.ToString();
    }
}
