using Google.Protobuf;
using KServePaged.Predictor.Errors;
using KServePaged.Predictor.Protocols.OpenInference.Grpc;
using KServePaged.Predictor.Tests.Doubles;

namespace KServePaged.Predictor.Tests.Transport.Grpc;

public sealed class ManyStreamsTests
{
    private const string StreamInfer = "/inference.GRPCInferenceService/ModelStreamInfer";

    [Theory]
    [InlineData(50, 20)]
    [InlineData(1, 1000)]
    public async Task Streams_WhenAThousandAreOpenAtOnce_AllAnswer(int connections, int streamsEach)
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        server.Engine.BeforeDelta = (index, cancellation) =>
        {
            if (server.Engine.Open == connections * streamsEach)
            {
                all.TrySetResult();
            }
            return index == 0 ? all.Task.WaitAsync(TimeSpan.FromSeconds(60), cancellation) : Task.CompletedTask;
        };
        GrpcTestClient[] clients = [.. Enumerable.Range(0, connections).Select(_ => new GrpcTestClient(server.Address))];
        ModelInferRequest request = Request();
        GrpcTestReply[] replies = await Task.WhenAll(
            from client in clients from _ in Enumerable.Range(0, streamsEach) select client.CallAsync(StreamInfer, request));
        Assert.Equal(connections * streamsEach, server.Engine.Requests.Count);
        Assert.All(replies, reply => Assert.Equal((GrpcStatusCode.Ok, "Hello, world!"), (reply.Status, TextOf(reply))));
        Assert.Equal(0, server.Engine.Open);
        foreach (GrpcTestClient client in clients)
        {
            client.Dispose();
        }
    }

    /// <summary>A streamed generation.</summary>
    internal static ModelInferRequest Request() => new ModelInferRequest
    {
        ModelName = "tales",
        Parameters = { ["stream"] = new InferParameter { BoolParam = true } },
        Inputs =
        {
            new ModelInferRequest.Types.InferInputTensor
            {
                Name = "text_input", Datatype = "BYTES", Shape = { 1 }, Contents = new InferTensorContents { BytesContents = { ByteString.CopyFromUtf8("hi") } },
            },
        },
    };

    internal static string TextOf(GrpcTestReply reply) => string.Concat(reply.Messages.Select(
        message => ModelStreamInferResponse.Parser.ParseFrom(message.Bytes).InferResponse.Outputs[0].Contents.BytesContents[0].ToStringUtf8()));
}
