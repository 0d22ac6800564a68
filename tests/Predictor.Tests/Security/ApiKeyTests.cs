using System.Text.Json;
using KServePaged.Predictor.Security;
using KServePaged.Predictor.Tests.Doubles;
using Microsoft.AspNetCore.Routing;

namespace KServePaged.Predictor.Tests.Security;

public sealed class ApiKeyTests
{
    /// <summary>Routes that answer without a key. Everything else that is mapped, now or later, must ask for one.</summary>
    private static readonly string[] Open =
    [
        "/", "/health", "/ping", "/v2/health/live", "/v2/health/ready", "/metrics", "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch",
        // KEDA has no way to send a key; it learns how much waits, and nothing of what.
        "/externalscaler.ExternalScaler/IsActive", "/externalscaler.ExternalScaler/StreamIsActive", "/externalscaler.ExternalScaler/GetMetricSpec", "/externalscaler.ExternalScaler/GetMetrics",
    ];

    [Fact]
    public async Task EveryRoute_AsksForAKeyExceptProbes()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(options => options with { ApiKeys = ["k1", "k2"] });
        RouteEndpoint[] routes = [.. server.Endpoints.OfType<RouteEndpoint>()];
        Assert.NotEmpty(routes);
        foreach (RouteEndpoint route in routes)
        {
            string pattern = route.RoutePattern.RawText!.TrimEnd('/');
            pattern = pattern.Length == 0 ? "/" : pattern;
            string path = System.Text.RegularExpressions.Regex.Replace(pattern, "{[^}]*}", "x");
            foreach (string method in route.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? ["GET"])
            {
                using var request = new HttpRequestMessage(new HttpMethod(method), path);
                using HttpResponseMessage response = await server.Http.SendAsync(request, TestContext.Current.CancellationToken);
                Assert.True(((int)response.StatusCode == 401) == !Open.Contains(pattern), $"{method} {pattern} answers {(int)response.StatusCode} without a key");
            }
        }
        Assert.Equal(401, (await server.GetAsync("/no/such/path")).Status);
    }

    [Theory]
    [InlineData("Bearer k1", 200)]
    [InlineData("bearer k2", 200)]
    [InlineData("Bearer wrong", 401)]
    [InlineData("Bearer  k1", 401)]
    [InlineData("Bearer k1 x", 401)]
    [InlineData("Bearer k1x", 401)]
    [InlineData("Bearer k", 401)]
    [InlineData("Bearer ", 401)]
    [InlineData("Bearer", 401)]
    [InlineData("k1", 401)]
    [InlineData("Basic azE6", 401)]
    [InlineData(null, 401)]
    public async Task Header_MustBeBearerAndAKnownKey(string? header, int expected)
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(options => options with { ApiKeys = ["k1", "k2"] });
        (int status, JsonElement body) = await server.PostAsync("/v1/completions", """{"prompt":"x"}""", request =>
        {
            if (header is not null)
            {
                request.Headers.TryAddWithoutValidation("Authorization", header);
            }
        });
        Assert.Equal(expected, status);
        if (expected == 401)
        {
            Assert.Equal("AuthenticationError", body.GetProperty("error").GetProperty("type").GetString());
        }
    }

    [Fact]
    public async Task Query_IsNoPlaceForAKey()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(options => options with { ApiKeys = ["k1"] });
        Assert.Equal(401, (await server.GetAsync("/v1/models?api_key=k1")).Status);
        Assert.Equal(200, (await server.GetAsync("/v1/models", "k1")).Status);
    }

    [Fact]
    public void Accept_WithoutKeys_IsNeverAsked()
    {
        Assert.False(new ApiKeys([]).AreRequired);
        Assert.False(new ApiKeys(["a"]).Accept(""));
        Assert.True(new ApiKeys(["a", "ü"]).Accept("ü"));
    }
}
