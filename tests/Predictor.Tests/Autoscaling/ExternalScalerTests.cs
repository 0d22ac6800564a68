using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Autoscaling;
using KServePaged.Predictor.Autoscaling.Grpc;
using KServePaged.Predictor.Errors;
using KServePaged.Predictor.Tests.Doubles;
using KServePaged.Predictor.Tests.Transport.Grpc;

namespace KServePaged.Predictor.Tests.Autoscaling;

/// <summary>What KEDA asks, over a real connection.</summary>
public sealed class ExternalScalerTests
{
    [Theory]
    [InlineData("metric=kservepaged_queued_tokens targetValue=4096", "kservepaged_queued_tokens", 4096)]
    [InlineData("metricQuery=sum(kservepaged_queued_tokens{namespace=\"demo\",deployment=\"ks-predictor\"}) targetValue=4096", "kservepaged_queued_tokens", 4096)] // as KServe writes it
    [InlineData("metricQuery=kservepaged_work_seconds target=2.5", "kservepaged_work_seconds", 2.5)]
    [InlineData("metric=vllm:num_requests_waiting target=3", "vllm_num_requests_waiting", 3)]
    [InlineData("metric=vllm_kv_cache_usage_perc target=0.8", "vllm_kv_cache_usage_perc", 0.8)]
    [InlineData("target=100", "kservepaged_queued_tokens", 100)]
    public async Task GetMetricSpec_ReadsEveryWayToSayIt(string metadata, string name, double target)
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        using var client = new GrpcTestClient(server.Address);
        MetricSpec spec = (await client.CallAsync(Method("GetMetricSpec"), Object(metadata))).Single(GetMetricSpecResponse.Parser).MetricSpecs.Single();
        Assert.Equal(new MetricSpec { MetricName = name, TargetSize = Math.Max(1, (long)target), TargetSizeFloat = target }, spec);
    }

    [Theory]
    [InlineData("metric=queue target=1", "metric 'queue' is none of kservepaged_queued_tokens")]
    [InlineData("metric=kservepaged_queued_tokens", "targetValue is missing")]
    [InlineData("targetValue=none", "targetValue 'none' is no number above 0")]
    [InlineData("target=0", "target '0' is no number above 0")]
    [InlineData("target=1 peers=nohost", "peers 'nohost' is not host:port")]
    public async Task GetMetrics_WhenTheTriggerIsWrong_NamesTheKey(string metadata, string message)
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        using var client = new GrpcTestClient(server.Address);
        GrpcTestReply reply = await client.CallAsync(Method("GetMetrics"), new GetMetricsRequest { ScaledObjectRef = Object(metadata) });
        Assert.Equal(GrpcStatusCode.InvalidArgument, reply.Status);
        Assert.StartsWith(message, reply.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task GetMetrics_GivesTheEnginesLoad()
    {
        await using ServerUnderTest server = await StartAsync(new EngineStatistics(3, 2, 64, 0, 256, PendingTokens: 1500, WorkSeconds: 2.25, FirstTokenSeconds: 2.5));
        using var client = new GrpcTestClient(server.Address);
        (string, double)[] expected =
        [
            ("kservepaged_queued_tokens", 1500), ("kservepaged_work_seconds", 2.25), ("kservepaged_predicted_ttft_seconds", 2.5),
            ("vllm_num_requests_waiting", 2), ("vllm_num_requests_running", 3), ("vllm_kv_cache_usage_perc", 0.25),
        ];
        foreach ((string name, double value) in expected)
        {
            Assert.Equal(new MetricValue { MetricName = name, MetricValue_ = (long)Math.Ceiling(value), MetricValueFloat = value }, await ValueAsync(client, $"metric={name} target=1"));
        }
        GrpcTestReply other = await client.CallAsync(
            Method("GetMetrics"), new GetMetricsRequest { MetricName = "vllm_num_requests_running", ScaledObjectRef = Object("target=1") });
        Assert.Equal(GrpcStatusCode.InvalidArgument, other.Status);
    }

    [Fact]
    public async Task GetMetrics_WithPeers_AddsUpEveryReplicaThatAnswers()
    {
        await using ServerUnderTest first = await StartAsync(new EngineStatistics(1, 0, 0, 0, 256, PendingTokens: 100));
        await using ServerUnderTest second = await StartAsync(new EngineStatistics(0, 0, 128, 0, 256, PendingTokens: 23));
        using var client = new GrpcTestClient(first.Address);
        string peers = $"peers=localhost:{first.Address.Port},127.0.0.1:{second.Address.Port},127.0.0.1:{first.Address.Port}"; // one of them twice
        Assert.Equal(123, (await ValueAsync(client, $"target=1 {peers}")).MetricValueFloat);
        Assert.Equal(0.5, (await ValueAsync(client, $"metric=vllm:kv_cache_usage_perc target=1 {peers}")).MetricValueFloat); // a share: the worst one

        // What KServe writes of an InferenceService has no peers; the address that KEDA was given stands for them.
        Assert.Equal(23, (await ValueAsync(client, $"target=1 scalerAddress=127.0.0.1:{second.Address.Port}")).MetricValueFloat);
        Assert.Equal(123, (await ValueAsync(client, $"target=1 scalerAddress=127.0.0.1:{second.Address.Port} {peers}")).MetricValueFloat);

        await second.StopAsync();
        Assert.Equal(100, (await ValueAsync(client, $"target=1 {peers}")).MetricValueFloat);
        Assert.Equal(0, (await ValueAsync(client, "target=1 peers=localhost:1")).MetricValueFloat); // nobody there
        // An address that is not this server's is not asked, whatever listens there: 192.0.2.0/24 belongs to nobody.
        Assert.Equal(100, (await ValueAsync(client, "target=1 peers=192.0.2.1:80")).MetricValueFloat);
        GrpcTestReply unknown = await client.CallAsync(Method("IsActive"), Object("target=1 peers=nowhere.invalid:80"));
        Assert.Equal(GrpcStatusCode.Unavailable, unknown.Status);
    }

    [Fact]
    public async Task IsActive_WhileRequestsRunOrWait()
    {
        await using ServerUnderTest server = await StartAsync(new EngineStatistics(0, 0, 5, 5, 256));
        using var client = new GrpcTestClient(server.Address);
        Assert.False((await client.CallAsync(Method("IsActive"), Object("target=1"))).Single(IsActiveResponse.Parser).Result);
        server.Engine.Load = new EngineStatistics(0, 1, 0, 0, 256);
        Assert.True((await client.CallAsync(Method("IsActive"), Object("target=1"))).Single(IsActiveResponse.Parser).Result);
        server.Engine.Load = new EngineStatistics(1, 0, 0, 0, 256);
        Assert.True((await client.CallAsync(Method("IsActive"), Object("target=1"))).Single(IsActiveResponse.Parser).Result);
    }

    [Fact]
    public async Task StreamIsActive_SpeaksAtOnceAndWhenItChanges()
    {
        await using ServerUnderTest server = await StartAsync(default);
        using var client = new GrpcTestClient(server.Address);
        using HttpResponseMessage response = await client.StartAsync(Method("StreamIsActive"), new ByteArrayContent(GrpcTestClient.Frame(Object("target=1"))));
        await using Stream body = await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken);
        Assert.False(await NextAsync(body));
        server.Engine.Load = new EngineStatistics(1, 0, 0, 0, 256);
        Assert.True(await NextAsync(body));
    }

    private static async Task<bool> NextAsync(Stream body)
    {
        byte[] header = new byte[5];
        await body.ReadExactlyAsync(header, TestContext.Current.CancellationToken);
        byte[] message = new byte[header[4]];
        await body.ReadExactlyAsync(message, TestContext.Current.CancellationToken);
        return IsActiveResponse.Parser.ParseFrom(message).Result;
    }

    private static string Method(string name) => $"/{ExternalScalerGrpc.Service}/{name}";

    private static Task<ServerUnderTest> StartAsync(
        EngineStatistics load, Func<Predictor.Configuration.ServerOptions, Predictor.Configuration.ServerOptions>? change = null) =>
        ServerUnderTest.StartAsync(change, new ScriptedEngine { Load = load });

    private static async Task<MetricValue> ValueAsync(GrpcTestClient client, string metadata) =>
        (await client.CallAsync(Method("GetMetrics"), new GetMetricsRequest { ScaledObjectRef = Object(metadata) })).Single(GetMetricsResponse.Parser).MetricValues.Single();

    private static ScaledObjectRef Object(string metadata)
    {
        var request = new ScaledObjectRef { Name = "scaled", Namespace = "demo" };
        foreach (string pair in metadata.Split(' '))
        {
            request.ScalerMetadata[pair[..pair.IndexOf('=', StringComparison.Ordinal)]] = pair[(pair.IndexOf('=', StringComparison.Ordinal) + 1)..];
        }
        return request;
    }
}
