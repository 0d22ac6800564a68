using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Google.Protobuf;
using KServePaged.Predictor.Protocols.OpenInference.Grpc;
using KServePaged.TestSupport;

namespace KServePaged.EndToEnd.Tests;

/// <summary>What Knative does to a pod: every protocol comes through the one port at the same time, and none may disturb another.</summary>
public sealed class OnePortTests
{
    private const int Tokens = 60;
    private const string Prompt = "Once upon a time";

    private static readonly string Body = $$"""{"text_input":"{{Prompt}}","max_tokens":{{Tokens}},"temperature":0}""";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task EveryProtocolAtOnce_GivesEveryCallerItsWholeAnswer()
    {
        Assert.SkipWhen(!File.Exists("/usr/bin/curl"), "curl is not installed");
        TimeSpan duration = Environment.GetEnvironmentVariable("KSERVEPAGED_SLOW") == "1" ? TimeSpan.FromSeconds(60) : TimeSpan.FromSeconds(4);
        await using ServerProcess server = await ServerProcess.StartAsync($"--model_dir={SharedData.PathOf("models/stories260K")}", "--model_name=tales");
        string expected = await GenerateAsync(server);

        long began = Stopwatch.GetTimestamp();
        bool InTime() => Stopwatch.GetElapsedTime(began) < duration;
        int[] rounds = await Task.WhenAll(
            RepeatAsync(InTime, () => CurlAsync(server, expected, "--http1.1")),
            RepeatAsync(InTime, () => CurlAsync(server, expected, "--http2-prior-knowledge")),
            RepeatAsync(InTime, () => CurlAsync(server, expected, "--http2")), // asks for an upgrade to h2c, and is answered as it came
            RepeatAsync(InTime, () => EventsAsync(server, expected)),
            RepeatAsync(InTime, () => StreamInferAsync(server, expected)),
            RepeatAsync(InTime, () => ScrapeAsync(server)));

        Assert.All(rounds, count => Assert.InRange(count, 5, int.MaxValue));
        Assert.DoesNotContain("warn:", server.Log);
        Assert.DoesNotContain("fail:", server.Log);
        TestContext.Current.TestOutputHelper?.WriteLine($"answers over curl h1, curl h2c, curl h2c by upgrade, SSE, gRPC stream, /metrics in {duration.TotalSeconds} s: {string.Join(", ", rounds)}");
    }

    private static async Task<int> RepeatAsync(Func<bool> goesOn, Func<Task> call)
    {
        int count = 0;
        while (goesOn())
        {
            await call();
            count++;
        }
        return count;
    }

    private static async Task<string> GenerateAsync(ServerProcess server)
    {
        using HttpResponseMessage response = await server.Http.PostAsync("/v2/models/tales/generate", new StringContent(Body), Cancel);
        return JsonDocument.Parse(await response.Content.ReadAsStringAsync(Cancel)).RootElement.GetProperty("text_output").GetString()!; // always there
    }

    private static async Task CurlAsync(ServerProcess server, string expected, string version)
    {
        using Process curl = Process.Start(new ProcessStartInfo("/usr/bin/curl", ["-sS", "--fail", version, "-d", Body, $"{server.Http.BaseAddress}v2/models/tales/generate"])
        {
            RedirectStandardOutput = true,
        })!; // an executable is started anew
        string answer = await curl.StandardOutput.ReadToEndAsync(Cancel);
        await curl.WaitForExitAsync(Cancel);
        Assert.Equal(0, curl.ExitCode);
        Assert.Equal(expected, JsonDocument.Parse(answer).RootElement.GetProperty("text_output").GetString());
    }

    private static async Task EventsAsync(ServerProcess server, string expected)
    {
        using HttpResponseMessage response = await server.Http.PostAsync("/v2/models/tales/generate_stream", new StringContent(Body), Cancel);
        string events = await response.Content.ReadAsStringAsync(Cancel);
        IEnumerable<string?> pieces = events.Split("\n\n", StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonDocument.Parse(line["data: ".Length..]).RootElement.GetProperty("text_output").GetString());
        Assert.Equal(expected, string.Concat(pieces));
    }

    private static async Task StreamInferAsync(ServerProcess server, string expected)
    {
        var request = new ModelInferRequest
        {
            ModelName = "tales",
            Id = "1",
            Parameters =
            {
                ["max_tokens"] = new InferParameter { Int64Param = Tokens },
                ["temperature"] = new InferParameter { DoubleParam = 0 },
                ["stream"] = new InferParameter { BoolParam = true },
            },
            Inputs =
            {
                new ModelInferRequest.Types.InferInputTensor
                {
                    Name = "text_input", Datatype = "BYTES", Shape = { 1 }, Contents = new InferTensorContents { BytesContents = { ByteString.CopyFromUtf8(Prompt) } },
                },
            },
        };
        byte[] answer = await CallAsync(server, request);
        var text = new StringBuilder();
        bool final = false;
        for (int at = 0; at < answer.Length;)
        {
            int length = System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(answer.AsSpan(at + 1));
            ModelStreamInferResponse message = ModelStreamInferResponse.Parser.ParseFrom(answer, at + 5, length);
            Assert.Equal("", message.ErrorMessage);
            text.Append(message.InferResponse.Outputs.First(output => output.Name == "text_output").Contents.BytesContents[0].ToStringUtf8());
            final = message.InferResponse.Parameters["triton_final_response"].BoolParam;
            at += 5 + length;
        }
        Assert.True(final);
        Assert.Equal(expected, text.ToString());
    }

    private static async Task<byte[]> CallAsync(ServerProcess server, ModelInferRequest message)
    {
        byte[] frame = new byte[5 + message.CalculateSize()];
        System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), frame.Length - 5);
        message.WriteTo(frame.AsSpan(5));
        using var call = new HttpRequestMessage(HttpMethod.Post, $"/{OpenInferenceGrpc.Service}/ModelStreamInfer")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(frame),
        };
        call.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        call.Headers.TE.ParseAdd("trailers");
        using HttpResponseMessage response = await server.Http.SendAsync(call, Cancel);
        byte[] answer = await response.Content.ReadAsByteArrayAsync(Cancel);
        Assert.Equal("0", response.TrailingHeaders.GetValues("grpc-status").Single());
        return answer;
    }

    private static async Task ScrapeAsync(ServerProcess server)
    {
        string text = await server.Http.GetStringAsync("/metrics", Cancel);
        Assert.Contains("\nvllm:num_requests_running{engine=\"0\",model_name=\"tales\"} ", text, StringComparison.Ordinal);
        Assert.Contains("\nhttp_requests_total{", text, StringComparison.Ordinal);
        await Task.Delay(50, Cancel); // more often than any Prometheus, and not a loop that takes a core
    }
}
