using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using Google.Protobuf;
using KServePaged.Predictor.Errors;
using KServePaged.Predictor.Tests.Doubles;
using KServePaged.TestSupport;

namespace KServePaged.Predictor.Tests.Transport.Grpc;

/// <summary>A gRPC client in its barest form: what it sends is what the test says, byte for byte.</summary>
internal sealed class GrpcTestClient(Uri address) : IDisposable
{
    private readonly HttpClient _http = new(new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = TestCertificate.Accept } })
    {
        BaseAddress = address,
        DefaultRequestVersion = HttpVersion.Version20,
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        Timeout = TimeSpan.FromSeconds(30),
    };

    public static byte[] Frame(IMessage message, byte flag = 0) => Frame(message.ToByteArray(), flag);

    public static byte[] Frame(byte[] message, byte flag = 0)
    {
        byte[] frame = new byte[5 + message.Length];
        frame[0] = flag;
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(1), (uint)message.Length);
        message.CopyTo(frame, 5);
        return frame;
    }

    public Task<GrpcTestReply> CallAsync(string path, IMessage message, params (string Name, string Value)[] metadata) =>
        SendAsync(path, Frame(message), metadata);

    public async Task<GrpcTestReply> SendAsync(string path, byte[] body, params (string Name, string Value)[] metadata)
    {
        using HttpResponseMessage response = await StartAsync(path, new ByteArrayContent(body), metadata);
        byte[] bytes = await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        return GrpcTestReply.Of(response, bytes);
    }

    /// <summary>Returns when the headers are there; the body is the caller's to read.</summary>
    public Task<HttpResponseMessage> StartAsync(string path, HttpContent content, params (string Name, string Value)[] metadata)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = content };
        request.Version = HttpVersion.Version20;
        request.VersionPolicy = HttpVersionPolicy.RequestVersionExact;
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        request.Headers.TryAddWithoutValidation("te", "trailers");
        foreach ((string name, string value) in metadata)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }
        return _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
    }

    public void Dispose() => _http.Dispose();
}

/// <summary>Everything a call was answered with.</summary>
internal sealed record GrpcTestReply(
    GrpcStatusCode Status, string Message, IReadOnlyList<(byte Flag, byte[] Bytes)> Messages, HttpResponseHeaders Headers, HttpHeaders Trailers)
{
    public static GrpcTestReply Of(HttpResponseMessage response, byte[] body)
    {
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("application/grpc", response.Content.Headers.ContentType?.MediaType ?? "application/grpc");
        var messages = new List<(byte, byte[])>();
        for (int at = 0; at < body.Length;)
        {
            int length = BinaryPrimitives.ReadInt32BigEndian(body.AsSpan(at + 1));
            messages.Add((body[at], body[(at + 5)..(at + 5 + length)]));
            at += 5 + length;
        }
        HttpHeaders status = response.TrailingHeaders.Contains("grpc-status") ? response.TrailingHeaders : response.Headers;
        return new GrpcTestReply(
            (GrpcStatusCode)int.Parse(status.GetValues("grpc-status").Single(), System.Globalization.CultureInfo.InvariantCulture),
            status.TryGetValues("grpc-message", out IEnumerable<string>? text) ? Uri.UnescapeDataString(text.Single()) : "",
            messages, response.Headers, response.TrailingHeaders);
    }

    public T Single<T>(MessageParser<T> parser)
        where T : IMessage<T>
    {
        Assert.True(Status == GrpcStatusCode.Ok, $"{Status}: {Message}");
        return parser.ParseFrom(Assert.Single(Messages).Bytes);
    }
}
