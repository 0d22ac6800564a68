using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using KServePaged.Predictor.Configuration;
using KServePaged.Predictor.Hosting.Grpc;
using KServePaged.Predictor.Tests.Doubles;
using KServePaged.Predictor.Tests.Transport.Grpc;
using KServePaged.TestSupport;

namespace KServePaged.Predictor.Tests.Transport;

/// <summary>Which ports are open, on which addresses, and what they speak.</summary>
public sealed class PortsTests : IDisposable
{
    private static readonly byte[] Preface = [.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, 0, 0, 0, 4, 0, 0, 0, 0, 0];

    private readonly string _folder = Directory.CreateTempSubdirectory().FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Tls_CarriesEveryProtocolOnOnePort()
    {
        await using ServerUnderTest server = await StartTlsAsync();
        Assert.StartsWith($"curl -k https://127.0.0.1:{server.Address.Port}/v1/", server.Output.ToString());
        foreach (Version version in new[] { HttpVersion.Version11, HttpVersion.Version20 })
        {
            Assert.Equal((HttpStatusCode.OK, version), await ProbeAsync(server.Http, server.Address, version));
        }
        Assert.Equal("[DONE]", (await server.StreamAsync("/v1/completions", """{"prompt":"x","stream":true}"""))[^1]);
        using var client = new GrpcTestClient(server.Address);
        GrpcTestReply reply = await client.CallAsync("/grpc.health.v1.Health/Check", new HealthCheckRequest());
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, reply.Single(HealthCheckResponse.Parser).Status);
    }

    [Theory]
    [InlineData("h2", true)]
    [InlineData("http/1.1", false)]
    [InlineData(null, true)]
    [InlineData(null, false)]
    public async Task Tls_WithAndWithoutNegotiation_SpeaksWhatTheCallerDoes(string? offered, bool http2)
    {
        await using ServerUnderTest server = await StartTlsAsync();
        await using SslStream tls = await OpenTlsAsync(server.Address.Port, offered);
        Assert.Equal(offered ?? "", tls.NegotiatedApplicationProtocol.ToString());
        await tls.WriteAsync(http2 ? Preface : "GET /ping HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray(), Cancel);
        byte[] answer = new byte[9];
        await tls.ReadExactlyAsync(answer, Cancel);
        if (http2)
        {
            Assert.Equal(4, answer[3]); // a SETTINGS frame
        }
        else
        {
            Assert.Equal("HTTP/1.1 "u8.ToArray(), answer);
        }
    }

    [Fact]
    public async Task Tls_WhenTheFilesAreReplaced_ShowsTheNewCertificateToNewConnections()
    {
        using var first = new TestCertificate();
        using var second = new TestCertificate();
        await using ServerUnderTest server = await StartTlsAsync(first);
        await using SslStream old = await OpenTlsAsync(server.Address.Port, "http/1.1");
        Assert.Equal(first.Thumbprint, ThumbprintOf(old));
        second.WriteTo(_folder);
        string seen = "";
        while (seen != second.Thumbprint) // looked at once a second
        {
            await Task.Delay(50, Cancel);
            await using SslStream tls = await OpenTlsAsync(server.Address.Port, "http/1.1");
            seen = ThumbprintOf(tls);
            Assert.Contains(seen, new[] { first.Thumbprint, second.Thumbprint });
        }
        await old.WriteAsync("GET /ping HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray(), Cancel);
        byte[] answer = new byte[12];
        await old.ReadExactlyAsync(answer, Cancel);
        Assert.Equal("HTTP/1.1 200"u8.ToArray(), answer);
    }

    [Fact]
    public async Task Tls_WhenTheCallerSpeaksCleartext_DropsItAndServesOn()
    {
        await using ServerUnderTest server = await StartTlsAsync();
        using var plain = new TcpClient();
        await plain.ConnectAsync(IPAddress.Loopback, server.Address.Port, Cancel);
        await plain.GetStream().WriteAsync("GET /ping HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray(), Cancel);
        Assert.Equal("", await RawSocket.ReadToEndAsync(plain));
        Assert.Equal(HttpStatusCode.OK, (await ProbeAsync(server.Http, server.Address, HttpVersion.Version11)).Status);
    }

    /// <summary>Probes, proxies and ports that disagree: told once, since every connection has it.</summary>
    [Theory]
    [InlineData(true, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "speaks HTTP without TLS to port")]
    [InlineData(true, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "speaks HTTP without TLS to port")]
    [InlineData(false, "\u0016\u0003\u0001\u0000\u0001\u0001", "speaks TLS to port")]
    public async Task Caller_WhoMistakesThePort_IsToldOfOnceInTheLog(bool tls, string bytes, string expected)
    {
        await using ServerUnderTest server = tls
            ? await StartTlsAsync()
            : await ServerUnderTest.StartAsync(options => options with { Log = new LogOptions { Level = Microsoft.Extensions.Logging.LogLevel.Warning } });
        for (int i = 0; i < 3; i++)
        {
            using var caller = new TcpClient();
            await caller.ConnectAsync(IPAddress.Loopback, server.Address.Port, Cancel);
            await caller.GetStream().WriteAsync(System.Text.Encoding.Latin1.GetBytes(bytes), Cancel);
            caller.Client.Shutdown(SocketShutdown.Send);
            Assert.DoesNotContain("200", await RawSocket.ReadToEndAsync(caller));
        }
        Assert.Single(server.Log.Messages, message => message.Contains(expected, StringComparison.Ordinal));
    }

    [Fact]
    public void Tls_WhenAFileIsMissing_StopsTheStartWithOneLine()
    {
        UsageException refusal = Assert.Throws<UsageException>(() => ServerPorts.Certificate(ServerUnderTest.Options with { CertificatePath = "/nowhere/tls.crt" }));
        Assert.StartsWith("--ssl_certfile '/nowhere/tls.crt' cannot be read: ", refusal.Message);
    }

    [Theory]
    [InlineData("*", "127.0.0.1", "[::1]")]
    [InlineData("::", "127.0.0.1", "[::1]")]
    [InlineData("::1", "[::1]")]
    [InlineData("0.0.0.0", "127.0.0.1")]
    public async Task Host_OfEitherFamily_IsReached(string host, params string[] reached)
    {
        if (!Socket.OSSupportsIPv6)
        {
            Assert.Skip("this machine has no IPv6");
        }
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(options => options with { Host = host });
        using var http = new HttpClient();
        foreach (string address in reached)
        {
            foreach (Version version in new[] { HttpVersion.Version11, HttpVersion.Version20 })
            {
                Assert.Equal((HttpStatusCode.OK, version), await ProbeAsync(http, new Uri($"http://{address}:{server.Address.Port}"), version));
            }
        }
        Assert.StartsWith($"curl http://{reached[0]}:{server.Address.Port}/", server.Output.ToString());
    }

    [Fact]
    public async Task GrpcPort_WhenItIsAnother_ServesEverythingToo()
    {
        int port = FreePort();
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(options => options with { GrpcPort = port });
        Assert.Equal(2, server.Urls.Count);
        Assert.NotEqual(port, server.Address.Port);
        Assert.Contains($":{server.Address.Port}/", server.Output.ToString());
        foreach (Uri address in new[] { server.Address, new Uri($"http://127.0.0.1:{port}") })
        {
            using var client = new GrpcTestClient(address);
            GrpcTestReply reply = await client.CallAsync("/grpc.health.v1.Health/Check", new HealthCheckRequest());
            Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, reply.Single(HealthCheckResponse.Parser).Status);
            Assert.Equal((HttpStatusCode.OK, HttpVersion.Version11), await ProbeAsync(server.Http, address, HttpVersion.Version11));
        }
    }

    [Fact]
    public async Task GrpcPort_WhenItIsTheSame_IsOnePort()
    {
        int port = FreePort();
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(options => options with { Port = port, GrpcPort = port });
        Assert.Equal($"http://127.0.0.1:{port}", Assert.Single(server.Urls));
    }

    [Fact]
    public async Task Port_WhenTaken_IsTheOneThatIsNamed()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        int port = ((IPEndPoint)taken.LocalEndpoint).Port;
        ServerOptions options = ServerUnderTest.Options with { GrpcPort = port };
        IOException refusal = await Assert.ThrowsAsync<IOException>(() => ServerUnderTest.StartAsync(_ => options));
        Assert.StartsWith($"Port {port} is taken: choose another with --grpc_port", ServerPorts.Taken(options, refusal.Message));
        Assert.StartsWith("Port 8080 is taken: choose another with --port", ServerPorts.Taken(options with { Port = 8080 }, "http://127.0.0.1:8080: address already in use."));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private async Task<ServerUnderTest> StartTlsAsync(TestCertificate? certificate = null)
    {
        using TestCertificate? own = certificate is null ? new TestCertificate() : null;
        (string file, string key) = (certificate ?? own!).WriteTo(_folder); // one of the two is there
        return await ServerUnderTest.StartAsync(options => options with { CertificatePath = file, KeyPath = key, Log = new LogOptions { Level = Microsoft.Extensions.Logging.LogLevel.Warning } });
    }

    private static async Task<SslStream> OpenTlsAsync(int port, string? offered)
    {
        var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, port, Cancel);
        var tls = new SslStream(client.GetStream(), leaveInnerStreamOpen: false);
        await tls.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = "localhost",
                ApplicationProtocols = offered is null ? null : [new SslApplicationProtocol(offered)],
                RemoteCertificateValidationCallback = TestCertificate.Accept,
            },
            Cancel);
        return tls;
    }

    private static string ThumbprintOf(SslStream tls) => ((X509Certificate2)tls.RemoteCertificate!).Thumbprint; // a server always shows one

    private static async Task<(HttpStatusCode Status, Version Version)> ProbeAsync(HttpClient http, Uri address, Version version)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(address, "/v2/health/ready")) { Version = version, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        using HttpResponseMessage response = await http.SendAsync(request, Cancel);
        return (response.StatusCode, response.Version);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
