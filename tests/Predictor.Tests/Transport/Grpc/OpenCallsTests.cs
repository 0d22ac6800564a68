using KServePaged.Predictor.Errors;
using KServePaged.Predictor.Hosting.Grpc;
using KServePaged.Predictor.Protocols.OpenInference.Grpc;
using KServePaged.Predictor.Tests.Doubles;

namespace KServePaged.Predictor.Tests.Transport.Grpc;

/// <summary>How a stop ends the calls that are open.</summary>
public sealed class OpenCallsTests
{
    private const string StreamInfer = "/inference.GRPCInferenceService/ModelStreamInfer";

    // Below the time after which the host cuts connections.
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(15);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Stop_LetsWhatRunsEndAndThenEndsTheOpenCalls()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        server.Engine.BeforeDelta = (_, cancellation) =>
        {
            reached.TrySetResult();
            return release.Task.WaitAsync(cancellation);
        };
        using var client = new GrpcTestClient(server.Address);
        ModelInferRequest request = ManyStreamsTests.Request();
        using HttpResponseMessage watch = await client.StartAsync("/grpc.health.v1.Health/Watch", new ByteArrayContent(GrpcTestClient.Frame(new HealthCheckRequest())));
        Task<GrpcTestReply> closed = client.CallAsync(StreamInfer, request);
        var requests = new OpenContent();
        Task<HttpResponseMessage> open = client.StartAsync(StreamInfer, requests);
        await requests.SendAsync(GrpcTestClient.Frame(request));
        var silent = new OpenContent();
        Task<HttpResponseMessage> idle = client.StartAsync(StreamInfer, silent);
        await silent.SendAsync([0]);
        await reached.Task.WaitAsync(Soon, Cancel);
        while (server.Engine.Open < 2)
        {
            await Task.Delay(5, Cancel);
        }

        Task stopping = server.StopAsync();
        while (!server.Engine.Drains)
        {
            await Task.Delay(5, Cancel);
        }
        release.SetResult();
        GrpcTestReply whole = await closed;
        Assert.Equal((GrpcStatusCode.Ok, "Hello, world!"), (whole.Status, ManyStreamsTests.TextOf(whole)));
        GrpcTestReply answered = await ReplyAsync(await open);
        Assert.Equal((GrpcStatusCode.Unavailable, "Hello, world!"), (answered.Status, ManyStreamsTests.TextOf(answered)));
        Assert.Equal(GrpcStatusCode.Unavailable, (await ReplyAsync(await idle)).Status);
        Assert.Equal(GrpcStatusCode.Unavailable, (await ReplyAsync(watch)).Status);
        requests.Complete();
        silent.Complete();
        await stopping.WaitAsync(Soon, Cancel);
    }

    private static async Task<GrpcTestReply> ReplyAsync(HttpResponseMessage response)
    {
        using (response)
        {
            return GrpcTestReply.Of(response, await response.Content.ReadAsByteArrayAsync(Cancel));
        }
    }
}
