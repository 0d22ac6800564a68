using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using KServePaged.Predictor.Tests.Doubles;

namespace KServePaged.Predictor.Tests.Hosting;

/// <summary>What HTTP itself refuses, and what every answer carries.</summary>
public sealed class HttpSurfaceTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task UnknownRoutesAndMethods_AreAnsweredInTheProtocolsShape()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        (int status, JsonElement body) = await server.GetAsync("/v1/nope");
        Assert.Equal(
            (404, """{"error":{"message":"There is nothing at /v1/nope.","type":"NotFoundError","param":null,"code":404}}"""), (status, body.GetRawText()));
        (status, body) = await server.GetAsync("/v1/completions");
        Assert.Equal(
            (405, """{"error":{"message":"/v1/completions does not take GET.","type":"MethodNotAllowedError","param":null,"code":405}}"""), (status, body.GetRawText()));
    }

    [Fact]
    public async Task Health_AnswersHeadAndVersionTellsIt()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        using var head = new HttpRequestMessage(HttpMethod.Head, "/health");
        using HttpResponseMessage response = await server.Http.SendAsync(head, Cancel);
        Assert.Equal(200, (int)response.StatusCode);
        Assert.Equal("""{"status":"alive"}""", (await server.GetAsync("/")).Body.GetRawText());
        Assert.Matches("""^\{"version":"\d+\.\d+\.\d+"\}$""", (await server.GetAsync("/version")).Body.GetRawText());
        Assert.Equal(200, (await server.GetAsync("/ping")).Status);
    }

    [Theory]
    [InlineData("abc-1", "abc-1")]
    [InlineData("has blank", null)]
    [InlineData("", null)]
    public async Task RequestId_IsReturnedOrMade(string given, string? expected)
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        using HttpResponseMessage response = await server.SendAsync(
            "/v1/completions", """{"prompt":"x"}""", request => request.Headers.TryAddWithoutValidation("X-Request-Id", given));
        string id = response.Headers.GetValues("X-Request-Id").Single();
        Assert.True(expected is null ? id.Length == 16 && id.All(char.IsAsciiHexDigitLower) : id == expected, id);
        string body = await response.Content.ReadAsStringAsync(Cancel);
        Assert.StartsWith($$"""{"id":"cmpl-{{id}}",""", body);
    }

    [Fact]
    public async Task Body_OverTheLimit_Is413()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(options => options with { MaxBodyBytes = 1000 });
        (int status, JsonElement body) = await server.PostAsync("/v1/completions", $$"""{"prompt":"{{new string('x', 2000)}}"}""");
        Assert.Equal((413, "RequestTooLargeError"), (status, body.GetProperty("error").GetProperty("type").GetString()));

        string chunked = "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n" + new string('x', 2000);
        Assert.StartsWith("HTTP/1.1 413 ", await RawAsync(server, chunked));
        Assert.Equal(200, (await server.PostAsync("/v1/completions", """{"prompt":"x"}""")).Status);
    }

    [Theory]
    [InlineData("POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde")]
    [InlineData("POST /v1/completions HTTP/1.1\r\n\r\n")]
    [InlineData("POST /v1/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")]
    [InlineData("nonsense\r\n\r\n")]
    public async Task SmugglingShapes_AreRefused(string request)
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        Assert.StartsWith("HTTP/1.1 400 ", await RawAsync(server, request));
    }

    /// <summary>Kestrel asks for 240 bytes a second after five seconds of grace: whoever sends half a request and stays is cut.</summary>
    [Fact]
    public async Task HalfARequest_IsCutInBoundedTimeAndHurtsNobody()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        Task<string> half = RawAsync(server, "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"prompt\"");
        Assert.Equal(200, (await server.PostAsync("/v1/completions", """{"prompt":"x"}""")).Status);
        Assert.StartsWith("HTTP/1.1 408 ", await half.WaitAsync(TimeSpan.FromSeconds(20), Cancel));
        Assert.Equal(0, server.Engine.Open);
    }

    /// <summary>Sends bytes and reads until the server closes or an answer's head is there.</summary>
    private static async Task<string> RawAsync(ServerUnderTest server, string request)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(server.Address.Host, server.Address.Port, Cancel);
        NetworkStream stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(request), Cancel);
        var answer = new StringBuilder();
        byte[] buffer = new byte[4096];
        for (int read; !answer.ToString().Contains("\r\n\r\n", StringComparison.Ordinal) && (read = await stream.ReadAsync(buffer, Cancel)) > 0;)
        {
            answer.Append(Encoding.ASCII.GetString(buffer, 0, read));
        }
        return answer.ToString();
    }
}
