using System.Text.RegularExpressions;
using KServePaged.Predictor.Tests.Doubles;

namespace KServePaged.Predictor.Tests.Transport;

/// <summary>HTTP/1.1 as nobody should send it. Each is followed by a request that must not be answered where the first is refused.</summary>
public sealed class HttpFramingTests : IAsyncLifetime
{
    private const string Json = """{"prompt":"x"}""";
    private const string Length = "Content-Length: 14\r\n";
    private const string Chunked = "Transfer-Encoding: chunked\r\n";
    private const string OneChunk = "e\r\n" + Json + "\r\n0\r\n\r\n";
    private const string Follower = "GET /follower HTTP/1.1\r\nHost: x\r\n\r\n";

    private ServerUnderTest _server = null!; // set by InitializeAsync

    public static TheoryData<string, string, int> Refused => new()
    {
        { "both lengths", Post(Chunked + "Content-Length: 5\r\n", OneChunk), 400 },
        { "both lengths, the other way", Post("Content-Length: 5\r\n" + Chunked, OneChunk), 400 },
        { "two lengths that differ", Post("Content-Length: 5\r\n" + Length, Json), 400 },
        { "two lengths that agree", Post(Length + Length, Json), 400 },
        { "a list of lengths", Post("Content-Length: 14, 14\r\n", Json), 400 },
        { "a negative length", Post("Content-Length: -1\r\n", Json), 400 },
        { "a hexadecimal length", Post("Content-Length: 0xe\r\n", Json), 400 },
        { "a length past 64 bits", Post("Content-Length: 99999999999999999999\r\n", Json), 400 },
        { "a length past the limit", Post("Content-Length: 999999999999\r\n", Json), 413 },
        { "a folded line", Post("X-A: 1\r\n  folded\r\n" + Length, Json), 400 },
        { "bare line feeds", Post(Length, Json).Replace("\r\n", "\n", StringComparison.Ordinal), 400 },
        { "one bare line feed", Post("X-A: 1\n" + Length, Json), 400 },
        { "a bare carriage return", Post("X-A: 1\rContent-Length: 3\r\n" + Length, Json), 400 },
        { "a zero byte", Post("X-A: a\0b\r\n" + Length, Json), 400 },
        { "a blank before the colon", Post("Content-Length : 14\r\n", Json), 400 },
        { "no colon", Post("nonsense\r\n" + Length, Json), 400 },
        { "no name", Post(": x\r\n" + Length, Json), 400 },
        { "another coding", Post("Transfer-Encoding: gzip\r\n", OneChunk), 400 },
        { "two codings", Post("Transfer-Encoding: gzip, chunked\r\n", OneChunk), 400 },
        { "chunked twice", Post(Chunked + Chunked, OneChunk), 400 },
        { "chunked not last", Post("Transfer-Encoding: chunked, identity\r\n", OneChunk), 400 },
        { "a misspelt coding", Post("Transfer-Encoding: xchunked\r\n", OneChunk), 400 },
        { "chunks in HTTP/1.0", Post(Chunked, OneChunk).Replace("HTTP/1.1", "HTTP/1.0", StringComparison.Ordinal), 400 },
        { "a negative chunk", Post(Chunked, "-1\r\n\r\n"), 400 },
        { "a prefixed chunk size", Post(Chunked, "0x" + OneChunk), 400 },
        { "a chunk past 32 bits", Post(Chunked, "ffffffff\r\n" + Json), 400 },
        { "a chunk past 64 bits", Post(Chunked, "ffffffffffffffff1\r\n" + Json), 400 },
        { "a chunk extension that ends with a line feed", Post(Chunked, "e;a\n\r\n" + Json + "\r\n0\r\n\r\n"), 400 },
        { "chunks that end with line feeds", Post(Chunked, OneChunk.Replace("\r\n", "\n", StringComparison.Ordinal)), 400 },
        { "a chunk longer than its size", Post(Chunked, "e\r\n" + Json + "0\r\n\r\n"), 400 },
        { "no host", Post(Length, Json).Replace("Host: x\r\n", "", StringComparison.Ordinal), 400 },
        { "two hosts", Post("Host: y\r\n" + Length, Json), 400 },
        { "a host that is none", Post(Length, Json).Replace("Host: x", "Host: a/b", StringComparison.Ordinal), 400 },
        { "a target of another host", Post(Length, Json).Replace("POST ", "POST http://other", StringComparison.Ordinal), 400 },
        { "bytes that are no UTF-8 in a header", Post("X-A: \u00ff\u00fe\r\n" + Length, Json), 400 },
        { "bytes that are no UTF-8 in the target", "GET /\u00ff HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
        { "a zero byte in the target", "GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
        { "a header without end", Post("X-A: " + new string('a', 140_000) + "\r\n" + Length, Json), 431 },
        { "a target without end", "GET /" + new string('a', 40_000) + " HTTP/1.1\r\nHost: x\r\n\r\n", 414 },
        { "another version", Post(Length, Json).Replace("HTTP/1.1", "HTTP/1.2", StringComparison.Ordinal), 505 },
        { "no HTTP at all", "\u0001\u0002\u0003\r\n\r\n", 400 },
        { "the greeting of TLS", "\u0016\u0003\u0001\u0000\u00a5\u0001\u0000\u0000\u00a1\u0003\u0003\r\n\r\n", 400 },
    };

    public async ValueTask InitializeAsync() => _server = await ServerUnderTest.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task Request_WhenItsFramingIsBroken_IsRefusedAndTheConnectionEnds(string what, string bytes, int status)
    {
        string answer = await RawSocket.ExchangeAsync(_server.Address, bytes + Follower);
        Assert.True(Regex.Matches(answer, @"HTTP/1\.1 (\d+)").Select(match => match.Groups[1].Value).SequenceEqual([$"{status}"]), $"{what}: {answer}");
        Assert.Empty(_server.Log.Messages);
        Assert.Empty(_server.Engine.Requests);
    }

    [Theory]
    [InlineData(Length, Json)]
    [InlineData("Transfer-Encoding: Chunked\r\n", OneChunk)]
    [InlineData("Transfer-Encoding:\tchunked \r\n", "e;name=value\r\n" + Json + "\r\n0\r\nContent-Length: 3\r\n\r\n")]
    [InlineData("Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n" + Length, Json)]
    public async Task Request_WhenItIsOnlyUnusual_IsAnsweredAndSoIsTheNext(string headers, string body)
    {
        string close = Follower.Replace("Host: x", "Host: x\r\nConnection: close", StringComparison.Ordinal);
        string answer = await RawSocket.ExchangeAsync(_server.Address, "\r\n" + Post(headers, body) + close);
        Assert.Equal(["200", "404"], Regex.Matches(answer, @"HTTP/1\.1 (\d+)").Select(match => match.Groups[1].Value));
    }

    /// <summary>What follows "PRI * HTTP/2.0" must be the rest of the preface.</summary>
    [Fact]
    public async Task Request_WhenThePrefaceGoesWrong_IsDropped() =>
        Assert.DoesNotContain("200", await RawSocket.ExchangeAsync(_server.Address, "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n" + Follower));

    private static string Post(string headers, string body) =>
        "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + headers + "\r\n" + body;
}
