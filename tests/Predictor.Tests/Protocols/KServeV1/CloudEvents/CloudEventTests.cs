using System.Text;
using System.Text.Json;
using KServePaged.Predictor.Configuration;
using KServePaged.Predictor.Tests.Doubles;

namespace KServePaged.Predictor.Tests.Protocols.KServeV1.CloudEvents;

/// <summary>Events over HTTP: what comes back, and what is refused.</summary>
public sealed class CloudEventTests
{
    private const string Path = "/v1/models/tales:predict";
    private const string Data = """{"instances":["a"]}""";
    private const string StructuredType = "application/cloudevents+json";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>The request that KServe's own server was recorded with.</summary>
    [Fact]
    public async Task Binary_IsAnsweredWithABinaryEvent()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        using HttpResponseMessage response = await SendBinaryAsync(server, ("ce-specversion", "1.0"), ("ce-id", "36077800-0c23-4f38-a0b4-01f4369f670a"), ("ce-source", "x"), ("ce-type", "t"), ("ce-tenant", "t1"));
        Assert.Equal(200, (int)response.StatusCode);
        Assert.Equal("""{"predictions":["Hello, world!"]}""", await response.Content.ReadAsStringAsync(Cancel));
        Assert.Equal("application/json", response.Content.Headers.ContentType!.ToString());
        Assert.Equal("1.0", Header(response, "ce-specversion"));
        Assert.Equal("io.kserve.inference.tales", Header(response, "ce-source"));
        Assert.Equal("io.kserve.inference.response", Header(response, "ce-type"));
        Assert.NotEqual(Guid.Parse("36077800-0c23-4f38-a0b4-01f4369f670a"), Guid.Parse(Header(response, "ce-id")));
        Assert.InRange(DateTimeOffset.UtcNow - DateTimeOffset.Parse(Header(response, "ce-time")), TimeSpan.FromSeconds(-1), TimeSpan.FromMinutes(1));
        Assert.False(response.Headers.Contains("ce-tenant"));
    }

    /// <summary>Recorded too: it has no time, which is optional, and KServe's server fails on it.</summary>
    [Fact]
    public async Task Structured_IsAnsweredWithAStructuredEvent()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        using HttpResponseMessage response = await SendStructuredAsync(server, """{"specversion":"1.0","id":"36077800","source":"x","type":"t","data":{"instances":["a"]}}""");
        Assert.Equal(200, (int)response.StatusCode);
        Assert.Equal(StructuredType, response.Content.Headers.ContentType!.ToString());
        JsonElement body = JsonDocument.Parse(await response.Content.ReadAsStringAsync(Cancel)).RootElement;
        Assert.Equal(["specversion", "id", "source", "type", "time", "data"], body.EnumerateObject().Select(member => member.Name));
        Assert.Equal("""{"predictions":["Hello, world!"]}""", body.GetProperty("data").GetRawText());
        Assert.Equal("io.kserve.inference.tales", body.GetProperty("source").GetString());
        Assert.False(response.Headers.Contains("ce-id"));
    }

    [Fact]
    public async Task Structured_WhenTheDataIsBase64_IsRead()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        string base64 = Convert.ToBase64String(Encoding.UTF8.GetBytes(Data));
        using HttpResponseMessage response = await SendStructuredAsync(server, $$"""{"specversion":"1.0","id":"1","source":"x","type":"t","data_base64":"{{base64}}"}""", StructuredType + "; charset=utf-8");
        Assert.Equal(200, (int)response.StatusCode);
    }

    [Fact]
    public async Task Environment_MergesAndRenamesAsKServesServer()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(options => options with
        {
            CloudEvents = new CloudEventOptions { Merge = true, Type = "my.type", Source = "my/source" },
        });
        using (HttpResponseMessage response = await SendBinaryAsync(
            server, ("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-source", "x"), ("ce-type", "t"), ("ce-time", "2020-01-01T00:00:00Z"), ("ce-subject", "Euro%20%E2%82%AC%20%F0%9F%98%80"), ("ce-tenant", "t1")))
        {
            Assert.Equal("Euro%20%E2%82%AC%20%F0%9F%98%80", Header(response, "ce-subject"));
            Assert.Equal(("t1", "my.type", "my/source"), (Header(response, "ce-tenant"), Header(response, "ce-type"), Header(response, "ce-source")));
            Assert.DoesNotContain("2020", Header(response, "ce-time"), StringComparison.Ordinal);
        }
        using (HttpResponseMessage response = await SendStructuredAsync(
            server, """{"specversion":"1.0","id":"1","source":"x","type":"t","subject":"Euro €","count":5,"datacontenttype":"application/json","data":{"instances":["a"]}}"""))
        {
            JsonElement body = JsonDocument.Parse(await response.Content.ReadAsStringAsync(Cancel)).RootElement;
            Assert.Equal(("Euro €", "5", "my.type"), (body.GetProperty("subject").GetString(), body.GetProperty("count").GetString(), body.GetProperty("type").GetString()));
            Assert.False(body.TryGetProperty("datacontenttype", out _));
        }
    }

    [Theory]
    [InlineData("specversion")]
    [InlineData("id")]
    [InlineData("source")]
    [InlineData("type")]
    public async Task MissingAttribute_IsNamedInBothModes(string missing)
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        Dictionary<string, string> attributes = new() { ["specversion"] = "1.0", ["id"] = "1", ["source"] = "s", ["type"] = "t" };
        attributes.Remove(missing);
        using HttpResponseMessage binary = await SendBinaryAsync(server, [.. attributes.Select(pair => ("ce-" + pair.Key, pair.Value))]);
        string members = string.Concat(attributes.Select(pair => $"\"{pair.Key}\":\"{pair.Value}\","));
        using HttpResponseMessage structured = await SendStructuredAsync(server, $$"""{{{members}}"data":{{Data}}}""");
        foreach (HttpResponseMessage response in new[] { binary, structured })
        {
            Assert.Equal(
                (400, $$"""{"error":"the CloudEvent has no '{{missing}}'."}"""), ((int)response.StatusCode, await response.Content.ReadAsStringAsync(Cancel)));
        }
        Assert.Empty(server.Engine.Requests);
    }

    /// <summary>Proxies stamp requests with an id; that makes no event of them.</summary>
    [Fact]
    public async Task AnIdAlone_IsAPlainRequest()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        using HttpResponseMessage response = await SendBinaryAsync(server, ("ce-id", "1"));
        Assert.Equal(200, (int)response.StatusCode);
        Assert.False(response.Headers.Contains("ce-id"));
    }

    [Theory]
    [InlineData("application/cloudevents-batch+json", "[]", 415, "send one event")]
    [InlineData("application/cloudevents+avro", "{}", 415, "send one event")]
    [InlineData(StructuredType, "[]", 400, "must be a JSON object")]
    [InlineData(StructuredType, "{", 400, "not JSON")]
    [InlineData(StructuredType, """{"specversion":"0.3","id":"1","source":"s","type":"t","data":{}}""", 400, "must be 1.0, not '0.3'")]
    [InlineData(StructuredType, """{"specversion":"1.0","id":"","source":"s","type":"t","data":{}}""", 400, "no 'id'")]
    [InlineData(StructuredType, """{"specversion":"1.0","id":"1","source":"s","type":"t"}""", 400, "neither")]
    [InlineData(StructuredType, """{"specversion":"1.0","id":"1","source":"s","type":"t","data":{},"data_base64":""}""", 400, "both")]
    [InlineData(StructuredType, """{"specversion":"1.0","id":"1","source":"s","type":"t","data_base64":"?"}""", 400, "base64")]
    [InlineData(StructuredType, """{"specversion":"1.0","id":"1","source":"s","type":"t","data_base64":"YQ=="}""", 400, "not JSON")]
    [InlineData(StructuredType, """{"specversion":"1.0","id":"1","source":"s","type":"t","data":"a"}""", 400, "must be a JSON object")]
    [InlineData(StructuredType, """{"specversion":"1.0","id":"1","source":"s","type":"t","my-ext":"a","data":{}}""", 400, "'my-ext'")]
    [InlineData(StructuredType, """{"specversion":"1.0","id":"1","source":"s","type":"t","ext":1.5,"data":{}}""", 400, "'ext'")]
    [InlineData(StructuredType, """{"specversion":"1.0","id":"1","source":"s","type":"t","ext":{},"data":{}}""", 400, "'ext'")]
    public async Task BadEvents_AreRefused(string type, string body, int expected, string fragment)
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        using HttpResponseMessage response = await SendStructuredAsync(server, body, type);
        Assert.Equal(expected, (int)response.StatusCode);
        Assert.Contains(fragment, JsonDocument.Parse(await response.Content.ReadAsStringAsync(Cancel)).RootElement.GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.Empty(server.Engine.Requests);
    }

    private static string Header(HttpResponseMessage response, string name) => response.Headers.GetValues(name).Single();

    private static Task<HttpResponseMessage> SendBinaryAsync(ServerUnderTest server, params (string Name, string Value)[] headers) => server.SendAsync(Path, Data, request =>
    {
        foreach ((string name, string value) in headers)
        {
            request.Headers.Add(name, value);
        }
    });

    private static Task<HttpResponseMessage> SendStructuredAsync(ServerUnderTest server, string body, string type = StructuredType) =>
        server.SendAsync(Path, body, request => request.Content!.Headers.ContentType = System.Net.Http.Headers.MediaTypeHeaderValue.Parse(type));
}
