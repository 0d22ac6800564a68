using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using KServePaged.Predictor.Tests.Doubles;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Tests.Protocols.OpenInference;

/// <summary>The binary extension and compressed bodies, over a socket.</summary>
public sealed class RestBinaryTests
{
    private const string Infer = "/v2/models/tales/infer";

    private const string Head =
        """{"inputs":[{"name":"text_input","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":6}}],"outputs":[{"name":"text_output","parameters":{"binary_data":true}},{"name":"num_input_tokens"}]}""";

    private static readonly byte[] Body = [.. Encoding.UTF8.GetBytes(Head), 2, 0, 0, 0, (byte)'h', (byte)'i'];

    [Theory]
    [InlineData(null)]
    [InlineData("gzip")]
    [InlineData("deflate")]
    public async Task Infer_WhenBinary_AnswersBinaryWithItsHeader(string? coding)
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        using HttpResponseMessage response = await SendAsync(server, coding is null ? Body : ContentCoding.Compress(coding, Body), Head.Length, coding, coding);
        byte[] bytes = await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        Assert.Equal(200, (int)response.StatusCode);
        Assert.Equal(coding is null ? [] : [coding], response.Content.Headers.ContentEncoding);
        Assert.Equal(bytes.Length, response.Content.Headers.ContentLength);
        bytes = coding is null ? bytes : ContentCoding.Decompress(coding, new(bytes), 1 << 20)!.Value.ToArray();
        int header = int.Parse(response.Headers.GetValues("Inference-Header-Content-Length").Single(), CultureInfo.InvariantCulture);
        JsonElement outputs = JsonDocument.Parse(bytes.AsMemory(0, header)).RootElement.GetProperty("outputs");
        Assert.Equal(
            """[{"name":"text_output","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":17}},{"name":"num_input_tokens","shape":[1],"datatype":"UINT32","data":[2]}]""",
            outputs.GetRawText());
        Assert.Equal("\r\0\0\0Hello, world!", Encoding.UTF8.GetString(bytes, header, bytes.Length - header));
    }

    [Fact]
    public async Task Infer_WhenOnlyTheInputsAreBinary_AnswersJsonWithoutTheHeader()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        string head = Head.Replace("\"binary_data\":true", "\"binary_data\":false", StringComparison.Ordinal);
        using HttpResponseMessage response = await SendAsync(server, [.. Encoding.UTF8.GetBytes(head), .. Body[Head.Length..]], head.Length);
        Assert.Equal(("application/json", false), (response.Content.Headers.ContentType!.ToString(), response.Headers.Contains("Inference-Header-Content-Length")));
        string text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.Equal("Hello, world!", JsonDocument.Parse(text).RootElement.GetProperty("outputs")[0].GetProperty("data")[0].GetString());
    }

    [Theory]
    [InlineData("gzip", "junk", 400, "no valid gzip stream")]
    [InlineData("deflate", "junk", 400, "no valid deflate stream")]
    [InlineData("br", "junk", 400, "Content-Encoding 'br'")]
    [InlineData("gzip, deflate", "junk", 400, "Content-Encoding 'gzip, deflate'")]
    [InlineData("gzip", "cut", 400, "no valid gzip stream")]
    [InlineData("deflate", "bomb", 413, "--max_body_size")]
    [InlineData("gzip", "bomb", 413, "--max_body_size")]
    public async Task Infer_WhenTheCompressedBodyIsHostile_IsRefused(string coding, string kind, int expected, string fragment)
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(options => options with { MaxBodyBytes = 1 << 20 });
        byte[] body = kind switch
        {
            "bomb" => ContentCoding.Compress(coding, new byte[(1 << 20) + 1]),
            "cut" => ContentCoding.Compress(coding, Body)[..^12],
            _ => Encoding.UTF8.GetBytes("certainly not compressed"),
        };
        using HttpResponseMessage response = await SendAsync(server, body, Head.Length, coding);
        string text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.Equal(expected, (int)response.StatusCode);
        Assert.Contains(fragment, JsonDocument.Parse(text).RootElement.GetProperty("error").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Generate_WhenBinary_IsRefused()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        (int status, JsonElement body) = await server.PostAsync(
            "/v2/models/tales/generate", """{"text_input":"a"}""", request => request.Headers.Add("Inference-Header-Content-Length", "18"));
        Assert.Equal((400, true), (status, body.GetProperty("error").GetString()!.Contains("binary", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("gzip", "gzip")]
    [InlineData("deflate, gzip", "gzip")]
    [InlineData("gzip;q=0.1, deflate;q=0.9", "deflate")]
    [InlineData("gzip;q=0", null)]
    [InlineData("*", null)]
    [InlineData("br", null)]
    [InlineData("", null)]
    [InlineData("GZIP", "gzip")]
    [InlineData(";;;", null)]
    public void Wanted_TakesTheBetterOfTheNamed(string header, string? expected) => Assert.Equal(expected, ContentCoding.Wanted(header));

    private static async Task<HttpResponseMessage> SendAsync(ServerUnderTest server, byte[] body, int header, string? coding = null, string? accept = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, Infer) { Content = new ByteArrayContent(body) };
        request.Headers.Add("Inference-Header-Content-Length", header.ToString(CultureInfo.InvariantCulture));
        if (coding is not null)
        {
            request.Content.Headers.TryAddWithoutValidation("Content-Encoding", coding);
        }
        if (accept is not null)
        {
            request.Headers.AcceptEncoding.Add(new StringWithQualityHeaderValue(accept));
        }
        return await server.Http.SendAsync(request, TestContext.Current.CancellationToken);
    }
}
