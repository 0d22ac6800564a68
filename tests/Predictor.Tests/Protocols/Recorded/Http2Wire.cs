using System.Buffers.Binary;
using System.Net.Sockets;

namespace KServePaged.Predictor.Tests.Protocols.Recorded;

/// <summary>Sends the recorded bytes of an HTTP/2 client, preface and all, and reads frames until every request in them has its whole answer.</summary>
internal static class Http2Wire
{
    private const int PrefaceLength = 24;
    private const int HeaderLength = 9;
    private const byte EndStream = 1;
    private const byte Acknowledged = 1;

    private enum FrameType : byte
    {
        Data = 0,
        Headers = 1,
        Reset = 3,
        Settings = 4,
        Ping = 6,
        GoAway = 7,
    }

    /// <returns>What went wrong; null = all is well.</returns>
    public static async Task<string?> ReplayAsync(Uri address, byte[] bytes)
    {
        (List<Frame> sent, _) = Split(bytes.AsSpan(PrefaceLength));
        HashSet<int> left = [.. sent.Where(frame => frame.Type == FrameType.Reset).Select(frame => frame.Stream)]; // by the client itself
        HashSet<int> ended = [.. sent.Where(frame => IsEnd(frame)).Select(frame => frame.Stream)];
        HashSet<int> waiting = [.. sent.Where(frame => frame.Type == FrameType.Headers).Select(frame => frame.Stream).Where(stream => !left.Contains(stream))];
        int pings = sent.Count(frame => frame is { Type: FrameType.Ping, Flags: 0 });
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(20));
        using var client = new TcpClient();
        await client.ConnectAsync(address.Host, address.Port, limit.Token);
        NetworkStream stream = client.GetStream();
        await stream.WriteAsync(bytes, limit.Token);
        bool settings = false;
        bool acknowledged = false;
        byte[] received = [];
        byte[] buffer = new byte[16 << 10];
        while (waiting.Count > 0 || pings > 0 || !settings || !acknowledged)
        {
            int read = await stream.ReadAsync(buffer, limit.Token);
            if (read == 0)
            {
                return $"the server closed with {waiting.Count} requests unanswered";
            }
            (List<Frame> frames, int taken) = Split([.. received, .. buffer.AsSpan(0, read)]);
            received = [.. received.Concat(buffer[..read]).Skip(taken)];
            foreach (Frame frame in frames)
            {
                if (frame.Type == FrameType.GoAway || (frame.Type == FrameType.Reset && !left.Contains(frame.Stream)))
                {
                    return $"{frame.Type} on stream {frame.Stream}, error {frame.Error}";
                }
                settings |= frame is { Type: FrameType.Settings, Flags: 0 };
                acknowledged |= frame is { Type: FrameType.Settings, Flags: Acknowledged };
                pings -= frame is { Type: FrameType.Ping, Flags: Acknowledged } ? 1 : 0;
                if (IsEnd(frame) || (frame.Type == FrameType.Data && !ended.Contains(frame.Stream))) // a stream that its client left open has its message
                {
                    waiting.Remove(frame.Stream);
                }
            }
        }
        return null;
    }

    private static bool IsEnd(Frame frame) => frame.Type is FrameType.Data or FrameType.Headers && (frame.Flags & EndStream) != 0;

    private static (List<Frame> Frames, int Taken) Split(ReadOnlySpan<byte> bytes)
    {
        var frames = new List<Frame>();
        int at = 0;
        while (bytes.Length - at >= HeaderLength)
        {
            int length = (bytes[at] << 16) | (bytes[at + 1] << 8) | bytes[at + 2];
            if (bytes.Length - at < HeaderLength + length)
            {
                break;
            }
            ReadOnlySpan<byte> payload = bytes.Slice(at + HeaderLength, length);
            frames.Add(new Frame(
                (FrameType)bytes[at + 3], bytes[at + 4], BinaryPrimitives.ReadInt32BigEndian(bytes[(at + 5)..]) & int.MaxValue,
                payload.Length >= 4 ? BinaryPrimitives.ReadUInt32BigEndian(payload[^4..]) : 0));
            at += HeaderLength + length;
        }
        return (frames, at);
    }

    private readonly record struct Frame(FrameType Type, byte Flags, int Stream, uint Error);
}
