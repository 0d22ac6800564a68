using System.Buffers;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Tests.Protocols.Recorded;

/// <summary>One connection that sends given bytes and reads HTTP/1.1 answers.</summary>
internal static class Http1Wire
{
    /// <summary>Sends and waits for so many answers; fewer come back when the server closes first. Interim ones (100) are left out.</summary>
    public static async Task<IReadOnlyList<Http1Answer>> ExchangeAsync(Uri address, byte[] request, int answers = 1)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(20));
        using var client = new TcpClient();
        await client.ConnectAsync(address.Host, address.Port, limit.Token);
        NetworkStream stream = client.GetStream();
        Task sending = stream.WriteAsync(request, limit.Token).AsTask();
        bool isHead = request.AsSpan().StartsWith("HEAD "u8);
        var received = new MemoryStream();
        byte[] buffer = new byte[16 << 10];
        while (true)
        {
            int read = await ReadAsync(stream, buffer, limit.Token);
            received.Write(buffer, 0, read);
            List<Http1Answer> whole = Parse(received.ToArray(), isHead, atEnd: read == 0);
            if (whole.Count >= answers || read == 0)
            {
                await sending.ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default); // refused midway, it may fail
                return whole;
            }
        }
    }

    // A server that refuses a request it has not read to its end may reset the connection behind its answer.
    private static async Task<int> ReadAsync(NetworkStream stream, byte[] buffer, CancellationToken cancellationToken)
    {
        try
        {
            return await stream.ReadAsync(buffer, cancellationToken);
        }
        catch (IOException e) when (e.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionReset })
        {
            return 0;
        }
    }

    private static List<Http1Answer> Parse(byte[] bytes, bool isHead, bool atEnd)
    {
        var answers = new List<Http1Answer>();
        int at = 0;
        while (ParseOne(bytes.AsSpan(at), isHead, atEnd, out int length) is { } answer)
        {
            at += length;
            if (answer.Status >= 200)
            {
                answers.Add(answer);
            }
        }
        return answers;
    }

    private static Http1Answer? ParseOne(ReadOnlySpan<byte> bytes, bool isHead, bool atEnd, out int length)
    {
        length = 0;
        int end = bytes.IndexOf("\r\n\r\n"u8);
        if (end < 0)
        {
            return null;
        }
        string[] head = Encoding.Latin1.GetString(bytes[..end]).Split("\r\n");
        int status = int.Parse(head[0].Split(' ')[1], CultureInfo.InvariantCulture);
        Dictionary<string, string> headers = head.Skip(1).Select(line => line.Split(": ", 2)).ToDictionary(pair => pair[0], pair => pair[1], StringComparer.OrdinalIgnoreCase);
        ReadOnlySpan<byte> rest = bytes[(end + 4)..];
        byte[]? body = null;
        int taken = 0;
        if (isHead || status < 200)
        {
            body = [];
        }
        else if (headers.TryGetValue("Content-Length", out string? text))
        {
            taken = int.Parse(text, CultureInfo.InvariantCulture);
            body = rest.Length >= taken ? rest[..taken].ToArray() : null;
        }
        else if (headers.ContainsKey("Transfer-Encoding"))
        {
            body = Dechunk(rest, out taken);
        }
        else if (atEnd)
        {
            (body, taken) = (rest.ToArray(), rest.Length);
        }
        length = end + 4 + taken;
        return body is null ? null : new Http1Answer(status, headers, Decoded(headers, body));
    }

    // Null = the last chunk is not yet there.
    private static byte[]? Dechunk(ReadOnlySpan<byte> bytes, out int taken)
    {
        var body = new List<byte>();
        taken = 0;
        while (bytes[taken..].IndexOf("\r\n"u8) is var line and >= 0)
        {
            int size = int.Parse(Encoding.Latin1.GetString(bytes.Slice(taken, line)), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            int next = taken + line + 2 + size + 2;
            if (next > bytes.Length)
            {
                return null;
            }
            body.AddRange(bytes.Slice(taken + line + 2, size));
            taken = next;
            if (size == 0)
            {
                return [.. body];
            }
        }
        return null;
    }

    private static byte[] Decoded(Dictionary<string, string> headers, byte[] body) => headers.TryGetValue("Content-Encoding", out string? coding)
        ? ContentCoding.Decompress(coding, new ReadOnlySequence<byte>(body), 1 << 20)!.Value.ToArray()
        : body;
}

/// <summary>An answer, its body whole and decompressed.</summary>
internal sealed record Http1Answer(int Status, IReadOnlyDictionary<string, string> Headers, byte[] Body)
{
    /// <summary>Bytes of JSON before a binary part; null where there is none.</summary>
    public int? HeaderLength => Headers.TryGetValue("Inference-Header-Content-Length", out string? text) ? int.Parse(text, CultureInfo.InvariantCulture) : null;

    public string BodyText => Encoding.UTF8.GetString(Body);

    /// <summary>The JSON of the body, without what is binary behind it.</summary>
    public JsonElement Json => JsonDocument.Parse(Body.AsMemory(0, HeaderLength ?? Body.Length)).RootElement;
}
