using System.Text.Json;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Errors;
using KServePaged.Predictor.Hosting;
using KServePaged.Predictor.Protocols.OpenInference.Grpc;
using KServePaged.Predictor.Protocols.OpenInference.Rest;
using KServePaged.Predictor.Telemetry.Requests;
using KServePaged.Predictor.Tests.Doubles;
using KServePaged.Predictor.Tests.Transport.Grpc;
using KServePaged.Predictor.Transport;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace KServePaged.Predictor.Tests.Protocols.OpenInference;

/// <summary>Configuration, statistics, repository index and settings, over REST and over gRPC.</summary>
public sealed class ManagementTests
{
    private const string Service = "/inference.GRPCInferenceService/";

    private const string Prompted = """{"inputs":[{"name":"text_input","shape":[2],"datatype":"BYTES","data":["hi","ho"]}]}""";

    [Fact]
    public async Task Config_IsOfTritonsShape()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        foreach (string path in new[] { "/v2/models/tales/config", "/v2/models/tales/versions/1/config" })
        {
            (int status, JsonElement body) = await server.GetAsync(path);
            Assert.Equal(200, status);
            Assert.Equal(("tales", "kservepaged", 0), (body.GetProperty("name").GetString(), body.GetProperty("backend").GetString(), body.GetProperty("max_batch_size").GetInt32()));
            Assert.Equal("""{"decoupled":true}""", body.GetProperty("model_transaction_policy").GetRawText());
            Assert.Equal("""{"name":"text_input","data_type":"TYPE_STRING","dims":[-1],"optional":true}""", body.GetProperty("input")[0].GetRawText());
            Assert.Equal("""{"name":"output_ids","data_type":"TYPE_INT32","dims":[-1]}""", body.GetProperty("output").EnumerateArray().Last().GetRawText());
        }
        using var client = new GrpcTestClient(server.Address);
        ModelConfig config = (await client.CallAsync(Service + "ModelConfig", new ModelConfigRequest { Name = "tales" })).Single(ModelConfigResponse.Parser).Config;
        Assert.Equal(("tales", "kservepaged", true), (config.Name, config.Backend, config.ModelTransactionPolicy.Decoupled));
        Assert.Contains(config.Input, input => input is { Name: "text_input", DataType: DataType.TypeString, Optional: true });
        Assert.Contains(config.Output, output => output is { Name: "cumulative_logprob", DataType: DataType.TypeFp32 });
    }

    [Fact]
    public async Task Statistics_CountHowRequestsEnd()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        Assert.Equal(0, (await StatisticsAsync(server, stats => true)).GetProperty("inference_count").GetInt32());
        DateTimeOffset before = DateTimeOffset.UtcNow;
        server.Engine.QueueTime = TimeSpan.FromMilliseconds(2);
        Assert.Equal(200, (await server.PostAsync("/v2/models/tales/infer", Prompted)).Status);
        server.Engine.QueueTime = TimeSpan.Zero;
        Assert.Equal(200, (await server.PostAsync("/v2/models/tales/generate", """{"text_input":"a"}""")).Status);
        await server.StreamAsync("/v2/models/tales-alias/generate_stream", """{"text_input":"a"}""");
        Assert.Equal(400, (await server.PostAsync("/v2/models/tales/infer", "{}")).Status);
        server.Engine.BeforeDelta = (index, _) => index == 2 ? throw new RequestException(EngineErrorCode.DeadlineExceeded, "too late") : Task.CompletedTask;
        await server.StreamAsync("/v2/models/tales/generate_stream", """{"text_input":"a"}""");
        JsonElement stats = await StatisticsAsync(server, stats => Count(stats, "success") + Count(stats, "fail") == 5);
        Assert.Equal((4, 3, 3, 2), (stats.GetProperty("inference_count").GetInt32(), stats.GetProperty("execution_count").GetInt32(), Count(stats, "success"), Count(stats, "fail")));
        Assert.Equal((3, 3, 2), (Count(stats, "compute_input"), Count(stats, "compute_infer"), Count(stats, "compute_output")));
        JsonElement times = stats.GetProperty("inference_stats");
        Assert.Equal((3, 2_000_000), (Count(stats, "queue"), Nanoseconds(times, "queue")));
        Assert.Equal("""[{"type":"CPU","id":0,"byte_size":1048576}]""", stats.GetProperty("memory_usage").GetRawText());
        Assert.InRange(Nanoseconds(times, "compute_infer"), 1, Nanoseconds(times, "success"));
        Assert.InRange(stats.GetProperty("last_inference").GetInt64(), before.ToUnixTimeMilliseconds(), DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
    }

    [Fact]
    public async Task Statistics_WhenTheCallerLeaves_CountACancel()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        server.Engine.BeforeDelta = (_, cancellation) =>
        {
            reached.TrySetResult();
            return Task.Delay(Timeout.Infinite, cancellation);
        };
        using var leaving = new CancellationTokenSource();
        using var content = new StringContent(Prompted);
        Task<HttpResponseMessage> answer = server.Http.PostAsync(new Uri("/v2/models/tales/infer", UriKind.Relative), content, leaving.Token);
        await reached.Task.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => answer);
        JsonElement stats = await StatisticsAsync(server, stats => stats.GetProperty("response_stats").GetProperty("0").GetProperty("cancel").GetProperty("count").GetInt32() == 1);
        Assert.Equal((0, 0), (Count(stats, "success"), Count(stats, "fail")));
    }

    [Fact]
    public async Task Statistics_OverGrpc_CountUnaryAndStreamedRequests()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        using var client = new GrpcTestClient(server.Address);
        ModelInferRequest request = Hi();
        await client.CallAsync(Service + "ModelInfer", request);
        await client.CallAsync(Service + "ModelStreamInfer", request);
        await client.CallAsync(Service + "ModelInfer", new ModelInferRequest { ModelName = "tales" });
        foreach (ModelStatisticsRequest asked in new[] { new ModelStatisticsRequest(), new ModelStatisticsRequest { Name = "tales" } })
        {
            ModelStatistics stats = (await client.CallAsync(Service + "ModelStatistics", asked)).Single(ModelStatisticsResponse.Parser).ModelStats.Single();
            Assert.Equal(("tales", 2UL, 2UL, 1UL), (stats.Name, stats.InferenceCount, stats.InferenceStats.Success.Count, stats.InferenceStats.Fail.Count));
            Assert.NotEqual(0UL, stats.InferenceStats.ComputeInfer.Ns);
        }
        Assert.Equal(GrpcStatusCode.NotFound, (await client.CallAsync(Service + "ModelStatistics", new ModelStatisticsRequest { Name = "none" })).Status);
    }

    [Fact]
    public async Task Index_TellsStatesAndReasons()
    {
        var release = new TaskCompletionSource();
        await using ServerUnderTest server = await ServerUnderTest.StartLoadingAsync(async (_, _, _, _) =>
        {
            await release.Task;
            return new ScriptedEngine();
        });
        using var client = new GrpcTestClient(server.Address);
        (int status, JsonElement body) = await server.PostAsync("/v2/repository/index", "");
        Assert.Equal((200, "LOADING"), (status, body[0].GetProperty("state").GetString()));
        Assert.NotEqual("", body[0].GetProperty("reason").GetString());
        Assert.Equal("[]", (await server.PostAsync("/v2/repository/index", """{"ready":true}""")).Body.GetRawText());
        Assert.Empty((await client.CallAsync(Service + "RepositoryIndex", new RepositoryIndexRequest { Ready = true })).Single(RepositoryIndexResponse.Parser).Models);
        release.SetResult();
        await server.WaitForAsync(health => health.Ready);
        Assert.Equal(
            """[{"name":"tales","version":"1","state":"READY","reason":""},{"name":"tales-alias","version":"1","state":"READY","reason":""}]""",
            (await server.PostAsync("/v2/repository/index", "{}")).Body.GetRawText());
        Assert.Equal(
            ["tales READY", "tales-alias READY"],
            (await client.CallAsync(Service + "RepositoryIndex", new RepositoryIndexRequest())).Single(RepositoryIndexResponse.Parser).Models.Select(model => $"{model.Name} {model.State}"));
        Assert.Equal(400, (await server.PostAsync("/v2/repository/index", """{"redy":true}""")).Status);
    }

    [Theory]
    [InlineData("/v2/logging", """{"log_info":false,"log_error":true,"log_file":null}""", 200, "log_verbose_level")]
    [InlineData("/v2/logging", """{"log_verbose_level":3}""", 400, "a number from 0 to 2")]
    [InlineData("/v2/logging", """{"log_info":1}""", 400, "'log_info' must be true or false")]
    [InlineData("/v2/logging", """{"log_error":false,"log_info":true}""", 400, "one threshold")]
    [InlineData("/v2/logging", """{"log_file":"x"}""", 400, "'log_file' is '' and cannot be changed")]
    [InlineData("/v2/logging", """{"colour":1}""", 400, "no setting 'colour'")]
    [InlineData("/v2/logging", "[]", 400, "JSON object")]
    [InlineData("/v2/trace/setting", """{"trace_level":["OFF"],"trace_rate":null}""", 200, "trace_level")]
    [InlineData("/v2/models/tales/trace/setting", """{"trace_level":["TIMESTAMPS"]}""", 400, "does not trace")]
    [InlineData("/v2/models/none/trace/setting", "{}", 404, "'none'")]
    [InlineData("/v2/systemsharedmemory/region/r/register", "{}", 400, "shares no memory")]
    [InlineData("/v2/cudasharedmemory/unregister", "", 400, "shares no memory")]
    [InlineData("/v2/models/tales/config", "", 405, "POST")]
    [InlineData("/v2/models/stats", "", 405, "POST")]
    public async Task Post_WhenNothingChanges_SaysSo(string path, string json, int expected, string fragment)
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        (int status, JsonElement body) = await server.PostAsync(path, json);
        Assert.Equal(expected, status);
        Assert.Contains(fragment, body.GetRawText().Replace("\\u0027", "'", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Equal(expected >= 400, body.TryGetProperty("error", out JsonElement error) && error.ValueKind == JsonValueKind.String);
    }

    [Fact]
    public async Task Settings_TellWhatHolds()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        Assert.Equal(
            """{"log_file":"","log_info":false,"log_warning":false,"log_error":true,"log_verbose_level":0,"log_format":"ISO8601"}""",
            (await server.GetAsync("/v2/logging")).Body.GetRawText());
        Assert.Equal("OFF", (await server.GetAsync("/v2/trace/setting")).Body.GetProperty("trace_level")[0].GetString());
        using var client = new GrpcTestClient(server.Address);
        LogSettingsResponse log = (await client.CallAsync(Service + "LogSettings", new LogSettingsRequest())).Single(LogSettingsResponse.Parser);
        Assert.Equal((true, 0U, "ISO8601"), (log.Settings["log_error"].BoolParam, log.Settings["log_verbose_level"].Uint32Param, log.Settings["log_format"].StringParam));
        var same = new TraceSettingRequest { ModelName = "tales", Settings = { ["trace_level"] = new() { Value = { "OFF" } }, ["trace_rate"] = new() } };
        Assert.Equal(["OFF"], (await client.CallAsync(Service + "TraceSetting", same)).Single(TraceSettingResponse.Parser).Settings["trace_level"].Value);
        same.Settings["trace_level"].Value[0] = "TENSORS";
        Assert.Equal(GrpcStatusCode.InvalidArgument, (await client.CallAsync(Service + "TraceSetting", same)).Status);
    }

    [Theory]
    [InlineData("""{"log_info":true}""", LogLevel.Information)]
    [InlineData("""{"log_verbose_level":1,"log_format":"default","log_info":true}""", LogLevel.Debug)]
    [InlineData("""{"log_verbose_level":2}""", LogLevel.Trace)]
    [InlineData("""{"log_error":false}""", LogLevel.Critical)]
    [InlineData("""{"log_warning":true,"log_info":false}""", LogLevel.Warning)]
    [InlineData("""{"log_error":null,"log_file":"","log_verbose_level":0}""", LogLevel.Error)]
    public async Task Logging_WhenChanged_MovesTheThreshold(string change, LogLevel expected)
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        var logger = server.Services.GetRequiredService<ILoggerFactory>().CreateLogger("test");
        Assert.True(logger.IsEnabled(LogLevel.Error) && !logger.IsEnabled(LogLevel.Warning));
        Assert.Equal(200, (await server.PostAsync("/v2/logging", change)).Status);
        Assert.Equal((true, false), (logger.IsEnabled(expected), logger.IsEnabled(expected - 1)));
        await server.PostAsync("/v2/logging", """{"log_info":null,"log_warning":null,"log_error":null,"log_verbose_level":null}"""); // back to the start
        Assert.True(logger.IsEnabled(LogLevel.Error) && !logger.IsEnabled(LogLevel.Warning));
    }

    [Fact]
    public async Task Logging_WhenChangedOverGrpc_MovesTheThreshold()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        using var client = new GrpcTestClient(server.Address);
        var change = new LogSettingsRequest { Settings = { ["log_verbose_level"] = new() { Uint32Param = 1 }, ["log_format"] = new() { StringParam = "default" } } };
        LogSettingsResponse log = (await client.CallAsync(Service + "LogSettings", change)).Single(LogSettingsResponse.Parser);
        Assert.Equal((true, 1U), (log.Settings["log_info"].BoolParam, log.Settings["log_verbose_level"].Uint32Param));
        change.Settings["log_error"] = new() { BoolParam = false };
        Assert.Equal(GrpcStatusCode.InvalidArgument, (await client.CallAsync(Service + "LogSettings", change)).Status);
    }

    [Fact]
    public void LoadMetrics_HaveBothForms()
    {
        var load = new EngineStatistics(RunningSequences: 3, WaitingSequences: 2, UsedBlocks: 64, CachedBlocks: 0, TotalBlocks: 256);
        Assert.Equal(
            "TEXT named_metrics.kv_cache_utilization=0.25, named_metrics.max_token_capacity=4096, named_metrics.num_requests_running=3, named_metrics.num_requests_waiting=2",
            LoadMetricsHeader.Format(load, 16, asJson: false));
        Assert.Equal(
            """JSON {"named_metrics":{"kv_cache_utilization":0.25,"max_token_capacity":4096,"num_requests_running":3,"num_requests_waiting":2}}""",
            LoadMetricsHeader.Format(load, 16, asJson: true));
    }

    [Theory]
    [InlineData("/v2/models/tales/generate", "text", 200, "TEXT ")]
    [InlineData("/v2/models/tales/generate_stream", "JSON", 200, "JSON ")]
    [InlineData("/v2/models/tales/generate", null, 200, null)]
    [InlineData("/v2/models/tales/generate", "xml", 400, null)]
    public async Task LoadMetrics_ComeWhenAskedFor(string path, string? format, int expected, string? start)
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        using HttpResponseMessage response = await server.SendAsync(path, """{"text_input":"a"}""", request =>
        {
            if (format is not null)
            {
                request.Headers.Add("endpoint-load-metrics-format", format);
            }
        });
        Assert.Equal(expected, (int)response.StatusCode);
        string? header = response.Headers.TryGetValues("endpoint-load-metrics", out IEnumerable<string>? values) ? string.Join(", ", values) : null;
        Assert.Equal(start, header?[..5]);
    }

    [Theory]
    [InlineData("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true)]
    [InlineData("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-more", true)]
    [InlineData("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", false)]
    [InlineData("00-00000000000000000000000000000000-00f067aa0ba902b7-01", false)]
    [InlineData("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false)]
    [InlineData("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false)]
    [InlineData("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false)]
    [InlineData("nonsense", false)]
    public async Task TraceParent_ComesBackWithItsTraceId(string given, bool valid)
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        using HttpResponseMessage response = await server.SendAsync("/v2/models/tales/infer", Prompted, request => request.Headers.Add("traceparent", given));
        Assert.Equal(valid, response.Headers.TryGetValues("traceparent", out IEnumerable<string>? values));
        if (valid)
        {
            string[] parts = values!.Single().Split('-');
            Assert.True(TraceParent.IsValid(values!.Single()));
            Assert.Equal((given[3..35], given[53..55]), (parts[1], parts[3]));
            Assert.NotEqual(given[36..52], parts[2]);
        }
    }

    private static ModelInferRequest Hi() => new()
    {
        ModelName = "tales",
        Inputs =
        {
            new ModelInferRequest.Types.InferInputTensor
            {
                Name = "text_input",
                Datatype = "BYTES",
                Shape = { 1 },
                Contents = new InferTensorContents { BytesContents = { Google.Protobuf.ByteString.CopyFromUtf8("hi") } },
            },
        },
    };

    // A request is counted when its handler ends, which may be a moment after the caller has the last byte.
    private static async Task<JsonElement> StatisticsAsync(ServerUnderTest server, Func<JsonElement, bool> isAwaited)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(10));
        while (true)
        {
            JsonElement all = (await server.GetAsync("/v2/models/stats")).Body.GetProperty("model_stats");
            JsonElement one = (await server.GetAsync("/v2/models/tales/versions/1/stats")).Body.GetProperty("model_stats");
            Assert.Equal(("tales", 1, 1), (all[0].GetProperty("name").GetString(), all.GetArrayLength(), one.GetArrayLength()));
            if (isAwaited(one[0]))
            {
                return one[0];
            }
            await Task.Delay(5, limit.Token);
        }
    }

    private static int Count(JsonElement stats, string name) => stats.GetProperty("inference_stats").GetProperty(name).GetProperty("count").GetInt32();

    private static long Nanoseconds(JsonElement times, string name) => times.GetProperty(name).GetProperty("ns").GetInt64();
}
