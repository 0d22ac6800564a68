using System.Text;
using System.Text.Json;
using KServePaged.Predictor.Configuration;
using KServePaged.Predictor.Tests.Doubles;

namespace KServePaged.Predictor.Tests.Telemetry.Requests;

public sealed class RequestLogTests
{
    private const string Completion = """{"model":"tales","prompt":"a secret question","max_tokens":3}""";

    [Fact]
    public async Task Request_WhenAskedFor_IsOneLineWithoutContents()
    {
        IReadOnlyList<JsonElement> lines = await LinesAsync(log => log with { Requests = true }, async server =>
        {
            server.Engine.QueueTime = TimeSpan.FromMilliseconds(20);
            await server.PostAsync("/v1/completions", Completion, request =>
            {
                request.Headers.Add("X-Request-Id", "mine");
                request.Headers.Add("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
            });
            await server.GetAsync("/v2/health/ready");
            await server.GetAsync("/v1/models");
        });
        JsonElement line = Assert.Single(lines, one => one.GetProperty("event_id").GetInt32() == 1301);
        Assert.Equal(
            ("mine", "4bf92f3577b34da6a3ce929d0e0e4736", "tales"),
            (line.GetProperty("request_id").GetString(), line.GetProperty("trace_id").GetString(), line.GetProperty("model").GetString()));
        JsonElement fields = line.GetProperty("fields");
        Assert.Equal(
            (200, 17, 3, "length", 0.02, "/v1/completions"),
            (fields.GetProperty("Status").GetInt32(), fields.GetProperty("PromptTokens").GetInt32(), fields.GetProperty("CompletionTokens").GetInt32(),
                fields.GetProperty("FinishReasons").GetString(), fields.GetProperty("QueueSeconds").GetDouble(), fields.GetProperty("Path").GetString()));
        Assert.DoesNotContain(lines, one => one.GetRawText().Contains("secret", StringComparison.Ordinal));
        Assert.Equal("/v1/models", Assert.Single(lines, one => one.GetProperty("event_id").GetInt32() == 1300).GetProperty("fields").GetProperty("Path").GetString());
    }

    [Fact]
    public async Task Contents_WhenAskedFor_AreCut()
    {
        IReadOnlyList<JsonElement> lines = await LinesAsync(
            log => log with { Requests = true, RequestContents = true, MaxContentLength = 7 }, server => server.PostAsync("/v1/completions", Completion));
        JsonElement fields = Assert.Single(lines, one => one.GetProperty("event_id").GetInt32() == 1302).GetProperty("fields");
        Assert.Equal(("a secre", "Hello, "), (fields.GetProperty("Prompt").GetString(), fields.GetProperty("Output").GetString()));
    }

    [Fact]
    public async Task Request_UnlessAskedFor_IsNotLogged() => Assert.DoesNotContain(
        await LinesAsync(log => log, server => server.PostAsync("/v1/completions", Completion)), one => one.GetProperty("event_id").GetInt32() is >= 1300 and < 1400);

    private static async Task<IReadOnlyList<JsonElement>> LinesAsync(Func<LogOptions, LogOptions> change, Func<ServerUnderTest, Task> act)
    {
        using var output = new MemoryStream();
        await using (ServerUnderTest server = await ServerUnderTest.StartAsync(
            options => options with { Log = change(new LogOptions { IsJson = true }) }, logTo: output))
        {
            await act(server);
            await server.StopAsync();
        }
        return [.. Encoding.UTF8.GetString(output.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];
    }
}
