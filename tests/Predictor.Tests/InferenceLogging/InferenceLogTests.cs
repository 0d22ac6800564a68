using System.Text;
using System.Text.Json;
using Google.Protobuf;
using KServePaged.Predictor.Configuration;
using KServePaged.Predictor.InferenceLogging;
using KServePaged.Predictor.Protocols.OpenInference.Grpc;
using KServePaged.Predictor.Telemetry;
using KServePaged.Predictor.Tests.Doubles;
using KServePaged.Predictor.Tests.Transport.Grpc;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;

namespace KServePaged.Predictor.Tests.InferenceLogging;

/// <summary>All that lose events are in this class, whose tests run one after another: the counters are the process's.</summary>
public sealed class InferenceLogTests
{
    private const string Request = "org.kubeflow.serving.inference.request";
    private const string Response = "org.kubeflow.serving.inference.response";
    private const string Completion = """{"model":"tales","prompt":"hi"}""";
    private const string Infer = """{"inputs":[{"name":"text_input","shape":[1],"datatype":"BYTES","data":["hi"]}]}""";

    [Theory]
    [InlineData("/v1/completions", Completion)]
    [InlineData("/v1/chat/completions", """{"model":"tales","messages":[{"role":"user","content":"hi"}]}""")]
    [InlineData("/v1/models/tales:predict", """{"instances":["hi"]}""")]
    [InlineData("/v2/models/tales/infer", Infer)]
    [InlineData("/v2/models/tales/generate", """{"text_input":"hi"}""")]
    public async Task Inference_OverRest_IsTwoEventsWithTheBodies(string path, string body)
    {
        await using WebDouble sink = await WebDouble.StartAsync();
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(options => Logged(options, sink));
        using HttpResponseMessage response = await server.SendAsync(path, body, request =>
        {
            request.Headers.Add("X-Request-Id", "mine");
            request.Headers.Add("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
        });
        string answer = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        await server.GetAsync("/v1/models");
        (WebDoubleRequest asked, WebDoubleRequest answered) = await PairAsync(sink);
        Assert.Equal((body, answer), (asked.Text, answered.Text));
        Assert.All([asked, answered], one => Assert.Equal(
            ("1.0", "mine", "pod-7", "stories", "team", "predictor", "default"),
            (one.Header("ce-specversion"), one.Header("ce-id"), one.Header("ce-source"), one.Header("ce-inferenceservicename"), one.Header("ce-namespace"),
                one.Header("ce-component"), one.Header("ce-endpoint"))));
        Assert.Equal(response.Headers.GetValues("traceparent").Single(), answered.Header("ce-traceparent"));
        Assert.StartsWith("application/json", asked.Header("content-type"));
        Assert.Equal("application/json", answered.Header("content-type"));
        Assert.Equal(2, sink.Requests.Count);
    }

    [Theory]
    [InlineData("/v1/completions", """{"model":"tales","prompt":"hi","stream":true}""")]
    [InlineData("/v2/models/tales/generate_stream", """{"text_input":"hi"}""")]
    public async Task Stream_IsLoggedWholeWhenItHasEnded(string path, string body)
    {
        await using WebDouble sink = await WebDouble.StartAsync();
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(options => Logged(options, sink));
        using HttpResponseMessage response = await server.SendAsync(path, body, request => request.Headers.Add("ce-id", "event-1"));
        string answer = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        (WebDoubleRequest asked, WebDoubleRequest answered) = await PairAsync(sink);
        Assert.Equal((body, answer), (asked.Text, answered.Text));
        Assert.StartsWith("text/event-stream", answered.Header("content-type"));
        Assert.Equal(("event-1", null, null), (answered.Header("ce-id"), answered.Header("ce-incomplete"), answered.Header("ce-omittedbytes")));
    }

    [Fact]
    public async Task Stream_WhoseCallerLeaves_IsLoggedAsFarAsItWent()
    {
        await using WebDouble sink = await WebDouble.StartAsync();
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(options => Logged(options, sink));
        server.Engine.BeforeDelta = (index, cancellation) => index < 2 ? Task.CompletedTask : Task.Delay(Timeout.Infinite, cancellation);
        using (HttpResponseMessage response = await server.SendAsync("/v1/completions", """{"model":"tales","prompt":"hi","stream":true}"""))
        {
            await using Stream body = await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken);
            await body.ReadExactlyAsync(new byte[100], TestContext.Current.CancellationToken);
        }
        (_, WebDoubleRequest answered) = await PairAsync(sink);
        Assert.Equal("true", answered.Header("ce-incomplete"));
        Assert.StartsWith("data: {", answered.Text);
        Assert.DoesNotContain("[DONE]", answered.Text);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Inference_OverGrpc_IsLoggedInTheProtocolsJson(bool stream)
    {
        await using WebDouble sink = await WebDouble.StartAsync();
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(options => Logged(options, sink));
        using var client = new GrpcTestClient(server.Address);
        var request = new ModelInferRequest { ModelName = "tales" };
        request.Inputs.Add(new ModelInferRequest.Types.InferInputTensor
        {
            Name = "text_input",
            Datatype = "BYTES",
            Shape = { 1 },
            Contents = new InferTensorContents { BytesContents = { ByteString.CopyFromUtf8("hi") } },
        });
        if (stream)
        {
            request.Parameters["stream"] = new InferParameter { BoolParam = true };
        }
        await client.CallAsync(
            "/inference.GRPCInferenceService/" + (stream ? "ModelStreamInfer" : "ModelInfer"), request, ("x-request-id", "call"));
        (WebDoubleRequest asked, WebDoubleRequest answered) = await PairAsync(sink);
        Assert.Equal("hi", JsonDocument.Parse(asked.Body).RootElement.GetProperty("inputs")[0].GetProperty("data")[0].GetString());
        JsonElement answer = JsonDocument.Parse(answered.Body).RootElement;
        JsonElement[] pieces = stream ? [.. answer.EnumerateArray()] : [answer];
        Assert.Equal(stream ? 4 : 1, pieces.Length);
        Assert.Equal("Hello, world!", string.Concat(pieces.Select(piece => piece.GetProperty("outputs").EnumerateArray().Single(
            output => output.GetProperty("name").GetString() == "text_output").GetProperty("data")[0].GetString())));
        Assert.Equal((stream ? "call-1" : "call", "application/json"), (answered.Header("ce-id"), answered.Header("content-type")));
    }

    [Fact]
    public async Task Refusal_IsARequestWithoutAnAnswer()
    {
        await using WebDouble sink = await WebDouble.StartAsync();
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(options => Logged(options, sink));
        Assert.Equal(404, (await server.PostAsync("/v1/completions", """{"model":"nobody","prompt":"hi"}""")).Status);
        await server.PostAsync("/v1/completions", Completion);
        await sink.WaitForAsync(3);
        Assert.Equal([Request, Request, Response], sink.Requests.Select(one => one.Header("ce-type")).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("request", Request)]
    [InlineData("response", Response)]
    public async Task Mode_ChoosesTheHalf(string mode, string type)
    {
        await using WebDouble sink = await WebDouble.StartAsync();
        await using (ServerUnderTest server = await ServerUnderTest.StartAsync(options => Logged(options, sink, log => log with { Mode = Enum.Parse<InferenceLogMode>(mode, ignoreCase: true) })))
        {
            await server.PostAsync("/v1/completions", Completion);
            await server.StreamAsync("/v1/completions", """{"model":"tales","prompt":"hi","stream":true}""");
            await server.StopAsync();
        }
        Assert.Equal([type, type], sink.Requests.Select(one => one.Header("ce-type")));
    }

    [Fact]
    public async Task Content_AboveTheLimit_IsLeftOutAndItsSizeTold()
    {
        await using WebDouble sink = await WebDouble.StartAsync();
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(options => Logged(options, sink, log => log with { MaxEventBytes = Completion.Length }));
        using HttpResponseMessage response = await server.SendAsync("/v1/completions", """{"model":"tales","prompt":"hi","stream":true}""");
        string answer = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        (WebDoubleRequest asked, WebDoubleRequest answered) = await PairAsync(sink);
        Assert.Equal(("", "45"), (asked.Text, asked.Header("ce-omittedbytes")));
        Assert.Equal(("", $"{answer.Length}"), (answered.Text, answered.Header("ce-omittedbytes")));
    }

    [Fact]
    public async Task Sink_ThatFailsForAWhile_GetsItsEventsAgain()
    {
        await using WebDouble sink = await WebDouble.StartAsync();
        sink.Answer = (number, context) =>
        {
            context.Response.StatusCode = number < 4 ? 500 : 200;
            return Task.CompletedTask;
        };
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(options => Logged(options, sink));
        Assert.Equal(200, (await server.PostAsync("/v1/completions", Completion)).Status);
        IReadOnlyList<WebDoubleRequest> tries = await sink.WaitForAsync(6); // each of the two events failed twice
        Assert.Equal([Request, Response], tries.Skip(4).Select(one => one.Header("ce-type")).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Sink_ThatIsGoneWhenTheServerStops_CostsItsEventsAndIsCounted()
    {
        using var losses = new CountedLosses();
        Uri gone;
        await using (WebDouble sink = await WebDouble.StartAsync())
        {
            gone = sink.Address;
        }
        await using (ServerUnderTest server = await ServerUnderTest.StartAsync(options => options with { InferenceLog = new InferenceLogOptions { Url = gone } }))
        {
            Assert.Equal(200, (await server.PostAsync("/v1/completions", Completion)).Status);
            await server.StopAsync();
        }
        Assert.Equal(2, losses["kservepaged_inference_log_dropped shutdown"]);
    }

    [Fact]
    public async Task Sink_ThatRefuses_IsNotAskedAgain()
    {
        using var losses = new CountedLosses();
        await using WebDouble sink = await WebDouble.StartAsync();
        sink.Answer = (_, context) =>
        {
            context.Response.StatusCode = 404;
            return Task.CompletedTask;
        };
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(options => Logged(options, sink));
        await server.PostAsync("/v1/completions", Completion);
        await losses.WaitForAsync("kservepaged_inference_log_dropped refused", 2);
        Assert.Equal(2, sink.Requests.Count);
    }

    [Fact]
    public async Task Sink_ThatHangs_HoldsNobodyUp()
    {
        using var counted = new CountedLosses();
        using var losses = new TelemetryLosses();
        var release = new TaskCompletionSource();
        await using WebDouble sink = await WebDouble.StartAsync();
        sink.Answer = (_, _) => release.Task;
        await using var log = new InferenceLog(Logged(ServerUnderTest.Options, sink), losses, TimeProvider.System, NullLoggerFactory.Instance);
        void Ask() => log.Begin("id", null)!.Asked("{}"u8.ToArray(), "application/json");
        for (int i = 0; i < 4; i++)
        {
            Ask();
        }
        await sink.WaitForAsync(4); // every sender has its hands full
        for (int i = 0; i < InferenceLog.Capacity + 300; i++)
        {
            Ask();
        }
        Assert.Equal(300, counted["kservepaged_inference_log_dropped queue_full"]);
        release.SetResult();
        await sink.WaitForAsync(4 + InferenceLog.Capacity);
    }

    [Fact]
    public async Task Contents_TogetherAboveTheirRoom_AreLeftOut()
    {
        using var losses = new TelemetryLosses();
        var release = new TaskCompletionSource();
        await using WebDouble sink = await WebDouble.StartAsync();
        sink.Answer = (_, _) => release.Task;
        await using var log = new InferenceLog(
            Logged(ServerUnderTest.Options, sink, options => options with { MaxEventBytes = 1 << 30 }), losses, TimeProvider.System, NullLoggerFactory.Instance);
        Exchange kept = log.Begin("kept", null)!;
        kept.Answered(InferenceLog.CapacityBytes - 10, () => default);
        Exchange growing = log.Begin("growing", null)!;
        growing.AnsweredPiece("0123456789"u8, "text/plain");
        growing.AnsweredPiece("0"u8, "text/plain"); // one byte too many, and the ten are given back
        growing.End(isAnswered: true, isComplete: true);
        Assert.Equal("11", (await sink.WaitForAsync(1))[0].Header("ce-omittedbytes"));
        Assert.True(log.TryReserve(10, 10));
        Assert.False(log.TryReserve(1, 1));
        kept.End(isAnswered: false, isComplete: true);
        Assert.True(log.TryReserve(1, InferenceLog.CapacityBytes - 10));
        release.SetResult();
    }

    private static ServerOptions Logged(ServerOptions options, WebDouble sink, Func<InferenceLogOptions, InferenceLogOptions>? change = null)
    {
        var log = new InferenceLogOptions { Url = sink.Address, Source = "pod-7", Service = "stories", Namespace = "team" };
        return options with { InferenceLog = change?.Invoke(log) ?? log };
    }

    private static async Task<(WebDoubleRequest Asked, WebDoubleRequest Answered)> PairAsync(WebDouble sink)
    {
        IReadOnlyList<WebDoubleRequest> events = await sink.WaitForAsync(2);
        return (events.Single(one => one.Header("ce-type") == Request), events.Single(one => one.Header("ce-type") == Response));
    }
}
