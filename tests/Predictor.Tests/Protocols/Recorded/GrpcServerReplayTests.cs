using System.Text.Json;
using KServePaged.Predictor.Protocols.OpenInference.Grpc;
using KServePaged.Predictor.Tests.Doubles;
using KServePaged.Predictor.Tests.Transport.Grpc;
using static KServePaged.Predictor.Errors.GrpcStatusCode;

namespace KServePaged.Predictor.Tests.Protocols.Recorded;

/// <summary>Every call that was put to KServe's and MLServer's gRPC servers, put to this one; see <see cref="RestServerReplayTests"/> for their model that echoes.</summary>
public sealed class GrpcServerReplayTests
{
    private const string NoPrompt = "exactly one of the inputs";

    private static readonly Expectation[] Rules =
    [
        new((int)NotFound, null, "no such model or version, or none named", "ModelReady 'nosuch' ''", "ModelMetadata 'nosuch' ''", "ModelInfer/version 2",
            "ModelInfer/empty*", "ModelConfig", "RepositoryModelLoad unknown"),
        new((int)Unavailable, "still loading", "the client may try again", "ModelInfer/not ready model"),
        new((int)Unimplemented, null, "no shared memory; no such method", "SystemSharedMemory*", "CudaSharedMemory*", "path without slash parts"),
        new((int)DeadlineExceeded, null, "a watch ends with its caller's deadline", "health watch"),
        new((int)Ok, null, "probes, metadata, index, settings, statistics, reflection", "ServerLive", "ServerMetadata", "ModelReady*", "ModelMetadata*", "RepositoryIndex*", "RepositoryModelLoad*",
            "ModelStatistics", "TraceSetting", "LogSettings", "reflection*"),

        new((int)InvalidArgument, "!" + NoPrompt, "raw contents and inputs disagree", "ModelInfer/raw count less", "ModelInfer/raw too long", "ModelInfer/raw not multiple", "ModelInfer/raw empty",
            "ModelInfer/BYTES raw truncated"),
        new((int)InvalidArgument, "!" + NoPrompt, "typed contents, datatype and shape disagree", "ModelInfer/neither contents nor raw", "ModelInfer/typed wrong field", "ModelInfer/typed two fields",
            "ModelInfer/shape negative", "ModelInfer/shape overflow"),
        new((int)InvalidArgument, "!" + NoPrompt, "no such datatype; names are upper case", "ModelInfer/datatype*"),
        new((int)InvalidArgument, "no usable value", "a parameter without a value", "ModelInfer/parameter without choice"),
        new((int)Internal, null, "no protobuf message, as gRPC has it", "ModelInfer/garbage message", "ModelInfer/truncated message"),
        new((int)InvalidArgument, NoPrompt, "well formed, and no prompt for a language model", "ModelInfer/*", "fails/*", "text/missing input"),
        new((int)Ok, null, "text in, text out; an error in a stream leaves it open", "text/*", "ModelStreamInfer/*"),
    ];

    [Fact]
    public async Task EveryCall_IsAnsweredAsTheProtocolMeansIt()
    {
        JsonElement[] records = [.. RecordedTraffic.OfKind("grpc").DistinctBy(record => RecordedTraffic.Text(record, "case"))];
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(options => options with { ModelNames = ["echo", "text", "fails", "slow"] });
        await using ServerUnderTest loading = await ServerUnderTest.StartLoadingAsync(
            (_, _, _, cancellation) => Task.Delay(Timeout.Infinite, cancellation).ContinueWith<Engine.ILlmEngine>(_ => new ScriptedEngine(), TaskScheduler.Default),
            options => options with { ModelNames = ["notready"] });
        using var client = new GrpcTestClient(server.Address);
        using var loadingClient = new GrpcTestClient(loading.Address);
        List<string> faults = [];
        foreach (JsonElement record in records)
        {
            string name = RecordedTraffic.Text(record, "case");
            JsonElement request = record.GetProperty("request");
            GrpcTestReply reply = await (name.Contains("not ready", StringComparison.Ordinal) ? loadingClient : client).SendAsync(
                RecordedTraffic.Text(request, "path"), RecordedCalls.Body(request), RecordedCalls.Metadata(request));
            faults.AddRange(Faults(name, reply));
        }
        Assert.True(faults.Count == 0, string.Join("\n", faults));
        Assert.InRange(records.Length, 50, 1000);
        Expectation.RequireAllUsed(Rules);
    }

    private static IEnumerable<string> Faults(string name, GrpcTestReply reply)
    {
        Exception? fault = Record.Exception(() =>
        {
            Expectation.For(Rules, name).Check(name, (int)reply.Status, reply.Message);
            if (reply.Status == Ok && name.StartsWith("text/", StringComparison.Ordinal))
            {
                ModelInferResponse response = reply.Single(ModelInferResponse.Parser);
                Assert.Equal(response.Outputs.Count, response.Outputs.Count(output => output.Contents is not null)); // typed in, typed out
                Assert.Equal(name == "text/batch" ? 2 : 1, response.Outputs[0].Shape.Single());
            }
            if (name.StartsWith("ModelStreamInfer/bad tensor", StringComparison.Ordinal))
            {
                ModelStreamInferResponse[] messages = [.. reply.Messages.Select(message => ModelStreamInferResponse.Parser.ParseFrom(message.Bytes))];
                Assert.Equal(["bad", "good"], messages.Select(message => message.InferResponse.Id).Order());
                Assert.Contains("'FOO'", messages.Single(message => message.InferResponse.Id == "bad").ErrorMessage, StringComparison.Ordinal);
            }
        });
        return fault is null ? [] : [$"{name}: {fault.Message}"];
    }
}
