using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using KServePaged.Predictor.Protocols.OpenInference.Grpc;
using KServePaged.Predictor.Tests.Doubles;
using KServePaged.Predictor.Tests.Protocols.Recorded;
using KServePaged.Predictor.Tests.Transport.Grpc;

namespace KServePaged.Predictor.Tests.Protocols.OpenInference;

/// <summary>Every shape of answer of the Open Inference Protocol as it is on the wire, so that an unintended change is seen in review.</summary>
public sealed partial class FixtureTests
{
    private static readonly string[] ShownHeaders = ["Content-Type", "Content-Length", "Inference-Header-Content-Length", "Allow", "Retry-After"];

    [Fact]
    public Task Rest_AnswersByteForByte() => FixtureFile.CheckAsync("rest.txt", async (title, request) =>
    {
        await using ServerUnderTest server = await StartAsync(title);
        byte[] bytes = ToHttp(request);
        if (title.EndsWith("after a request", StringComparison.Ordinal))
        {
            await GenerateOnceAsync(server);
        }
        Http1Answer answer = Assert.Single(await Http1Wire.ExchangeAsync(server.Address, bytes));
        var text = new StringBuilder($"{answer.Status}\n");
        foreach (string header in ShownHeaders.Where(header => answer.Headers.ContainsKey(header) && (header != "Content-Length" || answer.HeaderLength is not null)))
        {
            text.Append(CultureInfo.InvariantCulture, $"{header}: {answer.Headers[header]}\n");
        }
        return text.Append('\n').Append(Masked(FixtureFile.Shown(answer.Body))).ToString();
    });

    [Fact]
    public Task Grpc_AnswersByteForByte() => FixtureFile.CheckAsync("grpc.txt", async (title, request) =>
    {
        await using ServerUnderTest server = await StartAsync(title);
        using var client = new GrpcTestClient(server.Address);
        string[] lines = request.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        MethodDescriptor method = OpenInferenceReflection.Descriptor.Services[0].FindMethodByName(lines[0]);
        byte[] body = [.. lines.Skip(1).SelectMany(line => GrpcTestClient.Frame(JsonParser.Default.Parse(line, method.InputType)))];
        GrpcTestReply reply = await client.SendAsync($"/{method.Service.FullName}/{method.Name}", body);
        var text = new StringBuilder($"{(int)reply.Status} {reply.Message}");
        foreach ((byte flag, byte[] bytes) in reply.Messages)
        {
            Assert.Equal(0, flag);
            text.Append(CultureInfo.InvariantCulture, $"\n{JsonFormatter.Default.Format(method.OutputType.Parser.ParseFrom(bytes))}\n{Convert.ToHexStringLower(bytes)}");
        }
        return text.ToString();
    });

    // A request is counted when its handler ends, a moment after its caller has the answer.
    private static async Task GenerateOnceAsync(ServerUnderTest server)
    {
        await server.PostAsync("/v2/models/tales/generate", """{"text_input":"hi"}""");
        while ((await server.GetAsync("/v2/models/tales/stats")).Body.GetProperty("model_stats")[0].GetProperty("execution_count").GetInt32() == 0)
        {
            await Task.Yield();
        }
    }

    private static Task<ServerUnderTest> StartAsync(string title) => title.StartsWith("while loading", StringComparison.Ordinal)
        ? ServerUnderTest.StartLoadingAsync((_, _, _, cancellation) =>
            Task.Delay(Timeout.Infinite, cancellation).ContinueWith<Engine.ILlmEngine>(_ => new ScriptedEngine(), TaskScheduler.Default))
        : ServerUnderTest.StartAsync();

    // The block has the request line and its headers, a blank line and the body, on one line; its length is put in.
    private static byte[] ToHttp(string request)
    {
        string[] parts = request.Split("\n\n", 2);
        string body = parts.Length > 1 ? Regex.Unescape(parts[1].TrimEnd('\n').Replace("\\\"", "\\\\\"", StringComparison.Ordinal)) : "";
        string[] head = parts[0].Split('\n', StringSplitOptions.RemoveEmptyEntries);
        string length = body.Length > 0 || head[0].StartsWith("POST", StringComparison.Ordinal) ? $"Content-Length: {body.Length}\r\n" : "";
        return Encoding.Latin1.GetBytes($"{head[0]} HTTP/1.1\r\nHost: h\r\n{string.Concat(head.Skip(1).Select(line => line + "\r\n"))}{length}\r\n{body}");
    }

    private static string Masked(string text) => Times().Replace(text, "$1*");

    [GeneratedRegex("(\"(?:ns|last_inference)\":)[1-9][0-9]*")]
    private static partial Regex Times();
}
