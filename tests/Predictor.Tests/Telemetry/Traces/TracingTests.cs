using System.Diagnostics;
using System.Text.Json;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Configuration;
using KServePaged.Predictor.Protocols.OpenInference.Grpc;
using KServePaged.Predictor.Telemetry;
using KServePaged.Predictor.Telemetry.Requests;
using KServePaged.Predictor.Telemetry.Traces;
using KServePaged.Predictor.Tests.Doubles;
using KServePaged.Predictor.Tests.Transport.Grpc;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace KServePaged.Predictor.Tests.Telemetry.Traces;

/// <summary>All that trace are in this class, whose tests run one after another: spans of one process go to every listener in it.</summary>
public sealed class TracingTests
{
    private const string Caller = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    private const string Chat = """{"model":"tales","messages":[{"role":"user","content":"hi"}],"max_tokens":3,"temperature":0.5,"seed":7}""";

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Request_WhenTraced_GivesItsSpanAndItsGenerationsWithTheEnginesTimes(bool grpc)
    {
        await using WebDouble collector = await CollectorAsync(grpc);
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(options => Traced(options, collector, grpc));
        DateTimeOffset accepted = DateTimeOffset.UtcNow;
        server.Engine.AcceptedAt = accepted;
        server.Engine.QueueTime = TimeSpan.FromMilliseconds(20);
        server.Engine.PrefillTime = TimeSpan.FromMilliseconds(30);
        server.Engine.DecodeTime = TimeSpan.FromMilliseconds(4);
        using HttpResponseMessage response = await server.SendAsync("/v1/chat/completions", Chat, request => request.Headers.Add("traceparent", Caller));
        Assert.Equal(200, (int)response.StatusCode);

        (Dictionary<string, object?> resource, List<CollectedSpan> spans) = await CollectedAsync(server, collector, grpc);
        Assert.Equal(("storyteller", "prod"), (resource["service.name"], resource["deployment"]));
        Assert.Equal(["POST v1/chat/completions", "chat tales", "decode", "prefill", "queue"], spans.Select(span => span.Name).Order(StringComparer.Ordinal).Select(name => name.Replace(" /", " ", StringComparison.Ordinal)));
        Assert.All(spans, span => Assert.Equal(Caller[3..35], span.TraceId));
        CollectedSpan request = spans.Single(span => span.Kind == 2);
        CollectedSpan generation = spans.Single(span => span.Name == "chat tales");
        Assert.Equal(Caller[36..52], request.ParentId);
        Assert.Equal(request.SpanId, generation.ParentId);
        Assert.Equal($"00-{request.TraceId}-{request.SpanId}-01", response.Headers.GetValues("traceparent").Single());
        Assert.Equal((200L, "POST", "tales"), (request.Attributes["http.response.status_code"], request.Attributes["http.request.method"], request.Attributes["gen_ai.request.model"]));

        Assert.Equal((3L, 0.5, 7L, "chat"), (generation.Attributes["gen_ai.request.max_tokens"], generation.Attributes["gen_ai.request.temperature"], generation.Attributes["gen_ai.request.seed"], generation.Attributes["gen_ai.operation.name"]));
        Assert.Equal((long)server.Engine.Encode(server.Engine.LastRequest.Prompt).Count, generation.Attributes["gen_ai.usage.input_tokens"]);
        Assert.Equal((3L, 3L), (generation.Attributes["gen_ai.usage.output_tokens"], generation.Attributes["gen_ai.usage.completion_tokens"]));
        Assert.Equal(["length"], (object?[])generation.Attributes["gen_ai.response.finish_reasons"]!);
        Assert.Equal((0.02, 0.03, 0.008), (generation.Attributes["gen_ai.latency.time_in_queue"], generation.Attributes["gen_ai.latency.time_in_model_prefill"], generation.Attributes["gen_ai.latency.time_in_model_decode"]));

        CollectedSpan queue = spans.Single(span => span.Name == "queue");
        CollectedSpan prefill = spans.Single(span => span.Name == "prefill");
        CollectedSpan decode = spans.Single(span => span.Name == "decode");
        Assert.All([queue, prefill, decode], stage => Assert.Equal(generation.SpanId, stage.ParentId));
        Assert.Equal((ulong)(accepted - DateTimeOffset.UnixEpoch).Ticks * 100, queue.StartNanoseconds);
        Assert.Equal((20, 30, 8), (queue.Milliseconds, prefill.Milliseconds, decode.Milliseconds));
        Assert.Equal((queue.EndNanoseconds, prefill.EndNanoseconds), (prefill.StartNanoseconds, decode.StartNanoseconds));
    }

    [Fact]
    public async Task Request_WhoseCallerDoesNotSample_IsNotRecordedAndKeepsItsTrace()
    {
        await using WebDouble collector = await CollectorAsync(grpc: false);
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(options => Traced(options, collector, grpc: false));
        using HttpResponseMessage response = await server.SendAsync("/v1/chat/completions", Chat, request => request.Headers.Add("traceparent", Caller[..^1] + "0"));
        Assert.StartsWith(Caller[..36], response.Headers.GetValues("traceparent").Single());
        Assert.EndsWith("-00", response.Headers.GetValues("traceparent").Single());
        await server.GetAsync("/v2/health/ready"); // a probe, which nobody wants to see
        using HttpResponseMessage own = await server.SendAsync("/v1/completions", """{"model":"tales","prompt":["a","b"]}""");
        (_, List<CollectedSpan> spans) = await CollectedAsync(server, collector, grpc: false);
        Assert.Equal(9, spans.Count); // one request, two generations of four spans
        Assert.Single(spans.Select(span => span.TraceId).Distinct());
        Assert.Equal("", spans.Single(span => span.Kind == 2).ParentId);
    }

    [Fact]
    public async Task GrpcCall_ThatIsRefused_IsAnErrorOfItsCaller()
    {
        await using WebDouble collector = await CollectorAsync(grpc: false);
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(options => Traced(options, collector, grpc: false));
        using var client = new GrpcTestClient(server.Address);
        await client.CallAsync("/inference.GRPCInferenceService/ModelInfer", new ModelInferRequest { ModelName = "nobody" });
        (_, List<CollectedSpan> spans) = await CollectedAsync(server, collector, grpc: false);
        CollectedSpan call = Assert.Single(spans);
        Assert.Equal("inference.GRPCInferenceService/ModelInfer", call.Name);
        Assert.Equal(("grpc", "ModelInfer", 5L, 0), (call.Attributes["rpc.system"], call.Attributes["rpc.method"], call.Attributes["rpc.grpc.status_code"], call.Status));
    }

    [Fact]
    public async Task Generation_ThatFails_SaysSo()
    {
        await using WebDouble collector = await CollectorAsync(grpc: false);
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(options => Traced(options, collector, grpc: false));
        server.Engine.Refusal = new RequestException(EngineErrorCode.Overloaded, "full");
        Assert.Equal(429, (await server.PostAsync("/v1/chat/completions", Chat)).Status / 1);
        (_, List<CollectedSpan> spans) = await CollectedAsync(server, collector, grpc: false);
        CollectedSpan generation = spans.Single(span => span.Name == "chat tales");
        Assert.Equal(("Overloaded", 2), (generation.Attributes["error.type"], generation.Status));
        Assert.Equal(2, spans.Count); // it was never queued
    }

    [Fact]
    public async Task Collector_ThatIsGone_CostsSpansAndNoRequest()
    {
        using var losses = new CountedLosses();
        Uri gone;
        await using (WebDouble collector = await CollectorAsync(grpc: false))
        {
            gone = collector.Address;
        }
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(options => options with { Traces = new TracingOptions { Endpoint = gone, IsGrpc = false } });
        Assert.Equal(200, (await server.PostAsync("/v1/chat/completions", Chat)).Status);
        server.Services.GetRequiredService<Tracing>().Flush();
        await losses.WaitForAsync("kservepaged_trace_spans_dropped export_failed", 5);
    }

    [Fact]
    public async Task Collector_ThatHangs_HoldsNobodyUp()
    {
        using var losses = new CountedLosses();
        var release = new TaskCompletionSource();
        await using WebDouble collector = await WebDouble.StartAsync();
        collector.Answer = (_, _) => release.Task;
        using var counts = new TelemetryLosses();
        using var tracing = new Tracing(Traced(ServerUnderTest.Options, collector, grpc: false), counts, "1");
        var record = new GenerationRecord("tales", new GenerationRequest { RequestId = "r", Prompt = new Prompt.Text("p") }, DateTimeOffset.UtcNow, null);
        record.End(DateTimeOffset.UtcNow);
        var parent = new ActivityContext(ActivityTraceId.CreateRandom(), ActivitySpanId.CreateRandom(), ActivityTraceFlags.Recorded);
        const int Spans = SpanQueue.Capacity + 4000;
        for (int i = 0; i < Spans; i++)
        {
            tracing.Write(record, parent); // refused before it was accepted: one span each
        }
        Assert.InRange(losses["kservepaged_trace_spans_dropped queue_full"], 1, 4000); // less what the exporter had in its hands
        release.SetResult();
    }

    [Fact]
    public async Task TraceSetting_WhenTraced_SaysSo()
    {
        await using WebDouble collector = await CollectorAsync(grpc: false);
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(
            options => options with { Traces = new TracingOptions { Endpoint = collector.Address, IsGrpc = false, Ratio = 0.25 } });
        (int status, JsonElement settings) = await server.GetAsync("/v2/trace/setting");
        Assert.Equal(
            """200 {"trace_level":["TIMESTAMPS"],"trace_rate":"4","trace_count":"-1","log_frequency":"0","trace_file":"","trace_mode":"opentelemetry"}""", $"{status} {settings}");
    }

    private static ServerOptions Traced(ServerOptions options, WebDouble collector, bool grpc) => options with
    {
        Traces = new TracingOptions
        {
            Endpoint = grpc ? collector.Address : new Uri(collector.Address, "/v1/traces"),
            IsGrpc = grpc,
            ServiceName = "storyteller",
            Attributes = [new("deployment", "prod")],
        },
    };

    private static async Task<WebDouble> CollectorAsync(bool grpc)
    {
        WebDouble collector = await WebDouble.StartAsync(grpc ? HttpProtocols.Http2 : HttpProtocols.Http1);
        collector.Answer = async (_, context) =>
        {
            if (grpc)
            {
                context.Response.ContentType = "application/grpc";
                await context.Response.Body.WriteAsync(new byte[5]);
                context.Response.AppendTrailer("grpc-status", "0");
            }
        };
        return collector;
    }

    private static async Task<(Dictionary<string, object?> Resource, List<CollectedSpan> Spans)> CollectedAsync(ServerUnderTest server, WebDouble collector, bool grpc)
    {
        // The span of a request ends just after its answer is out.
        await server.StopAsync();
        server.Services.GetRequiredService<Tracing>().Flush();
        IReadOnlyList<WebDoubleRequest> requests = await collector.WaitForAsync(1);
        var collected = requests.Select(request =>
        {
            Assert.Equal(grpc ? "/opentelemetry.proto.collector.trace.v1.TraceService/Export" : "/v1/traces", request.Path);
            return CollectedSpan.Read(grpc ? request.Body[5..] : request.Body);
        }).ToList();
        return (collected[0].Resource, [.. collected.SelectMany(one => one.Spans)]);
    }
}
