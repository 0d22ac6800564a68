using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace KServePaged.Predictor.Tests.Doubles;

/// <summary>HTTP/2 frame by frame, for what no client library sends.</summary>
internal sealed class RawHttp2(TcpClient client) : IDisposable
{
    public const byte Data = 0;
    public const byte Headers = 1;
    public const byte ResetStream = 3;
    public const byte Settings = 4;
    public const byte Ping = 6;
    public const byte GoAway = 7;

    private const byte EndStream = 1;
    private const byte EndHeaders = 4;

    /// <param name="streamWindow">Bytes of an answer that the server may send on a stream; this client never gives more.</param>
    public static async Task<RawHttp2> OpenAsync(Uri address, int streamWindow = 65535)
    {
        var http2 = new RawHttp2(await RawSocket.OpenAsync(address));
        byte[] window = [0, 4, 0, 0, 0, 0];
        BinaryPrimitives.WriteInt32BigEndian(window.AsSpan(2), streamWindow);
        await http2.SendAsync("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray());
        await http2.SendFrameAsync(Settings, 0, 0, window);
        return http2;
    }

    public Task SendAsync(byte[] bytes) => RawSocket.SendAsync(client, bytes);

    public Task SendFrameAsync(byte type, byte flags, int stream, byte[] payload)
    {
        byte[] header = new byte[9];
        BinaryPrimitives.WriteInt32BigEndian(header, payload.Length << 8);
        (header[3], header[4]) = (type, flags);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(5), stream);
        return SendAsync([.. header, .. payload]);
    }

    /// <summary>A gRPC call up to its headers; values are Latin-1.</summary>
    public Task StartCallAsync(int stream, string path, params (string Name, string Value)[] more)
    {
        (string, string)[] headers =
            [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "x"), ("content-type", "application/grpc"), ("te", "trailers"), .. more];
        return SendFrameAsync(Headers, EndHeaders, stream, [.. headers.SelectMany(header => Literal(header.Item1, header.Item2))]);
    }

    public Task SendDataAsync(int stream, byte[] bytes, bool end) => SendFrameAsync(Data, end ? EndStream : (byte)0, stream, bytes);

    /// <summary>The next frame, or null when the server has closed.</summary>
    public async Task<(byte Type, byte Flags, int Stream, byte[] Payload)?> ReadAsync()
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(20));
        try
        {
            byte[] header = new byte[9];
            await client.GetStream().ReadExactlyAsync(header, limit.Token);
            byte[] payload = new byte[BinaryPrimitives.ReadInt32BigEndian(header) >>> 8];
            await client.GetStream().ReadExactlyAsync(payload, limit.Token);
            return (header[3], header[4], BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(5)), payload);
        }
        catch (IOException) // EndOfStreamException, or a reset
        {
            return null;
        }
    }

    /// <summary>Skips to the first frame of that type; null when the server closes before.</summary>
    public async Task<(byte Type, byte Flags, int Stream, byte[] Payload)?> ReadUntilAsync(byte type)
    {
        while (await ReadAsync() is { } frame)
        {
            if (frame.Type == type)
            {
                return frame;
            }
        }
        return null;
    }

    public void Dispose() => client.Dispose();

    // Never indexed, never Huffman: the plainest form of HPACK.
    private static byte[] Literal(string name, string value) =>
        [0, (byte)name.Length, .. Encoding.Latin1.GetBytes(name), (byte)value.Length, .. Encoding.Latin1.GetBytes(value)];
}
