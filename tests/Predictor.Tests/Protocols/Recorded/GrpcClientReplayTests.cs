using System.Buffers.Binary;
using System.Text.Json;
using KServePaged.Predictor.Protocols.OpenInference.Grpc;
using KServePaged.Predictor.Tests.Doubles;
using KServePaged.Predictor.Tests.Transport.Grpc;
using static KServePaged.Predictor.Errors.GrpcStatusCode;

namespace KServePaged.Predictor.Tests.Protocols.Recorded;

/// <summary>The calls of KServe's and Triton's gRPC clients, grpcurl, ghz and grpc_health_probe: their messages and metadata get answers that they accept.</summary>
public sealed class GrpcClientReplayTests
{
    private static readonly Expectation[] Rules =
    [
        new((int)NotFound, null, "no such model or service", "kserve-grpc/model_ready unknown", "grpc_health_probe/unknown service"),
        new((int)NotFound, null, "no such model; the message of 20 MB was read", "triton-grpc/20 MB", "triton-grpc/load unknown"),
        new((int)Unimplemented, null, "no shared memory; the client raises whatever the status", "triton-grpc/system shm*", "triton-grpc/cuda shm*"),
        new((int)InvalidArgument, "cannot be changed", "requests are not traced", "triton-grpc/trace update"),
        new((int)InvalidArgument, "exactly one of the inputs", "the caller asked for stream errors as the status of the call", "triton-grpc/stream bad, triton_grpc_error"),
        new((int)Ok, null, "all else is served", "kserve-grpc/*", "triton-grpc/*", "grpcurl/*", "ghz/*", "grpc_health_probe/*"),
    ];

    [Fact]
    public async Task EveryCall_IsAnsweredAsItsClientNeeds()
    {
        JsonElement[] records = [.. RecordedTraffic.OfKind("client").Where(IsCall).OrderBy(record => RecordedTraffic.Text(record, "case") == "triton-grpc/unload")]; // its model is asked again
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(options => options with { ModelNames = ["llm"], TestModels = true });
        using var client = new GrpcTestClient(server.Address);
        List<string> faults = [];
        foreach (JsonElement record in records)
        {
            string name = RecordedTraffic.Text(record, "case");
            JsonElement request = record.GetProperty("request");
            string path = RecordedCalls.Path(request);
            GrpcTestReply reply = await client.SendAsync(path, RecordedCalls.Body(request), RecordedCalls.Metadata(request));
            Exception? fault = Record.Exception(() =>
            {
                Expectation.For(Rules, name).Check(name, (int)reply.Status, reply.Message);
                Check(path, request, reply);
            });
            if (fault is not null)
            {
                faults.Add($"{name}: {fault.Message}");
            }
        }
        Assert.True(faults.Count == 0, string.Join("\n", faults));
        Assert.InRange(records.Length, 50, 1000);
        Expectation.RequireAllUsed(Rules);
    }

    private static void Check(string path, JsonElement request, GrpcTestReply reply)
    {
        if (reply.Status != Ok)
        {
            Assert.NotEmpty(reply.Message);
            return;
        }
        switch (path.Split('/')[^1])
        {
            case "ModelInfer":
                CheckInfer(ModelInferRequest.Parser.ParseFrom(request.GetProperty("messages")[0].GetProperty("base64").GetBytesFromBase64()), reply.Single(ModelInferResponse.Parser));
                break;
            case "ModelStreamInfer":
                CheckStream(request, [.. reply.Messages.Select(message => ModelStreamInferResponse.Parser.ParseFrom(message.Bytes))]);
                break;
            case "ModelConfig":
                Assert.NotNull(reply.Single(ModelConfigResponse.Parser).Config.ModelTransactionPolicy);
                break;
            default:
                Assert.NotEmpty(reply.Messages); // every other method answers each message with one
                break;
        }
    }

    // Raw in, raw out: Triton's client reads nothing else, with an entry for every output (wire-observed §1.2).
    private static void CheckInfer(ModelInferRequest request, ModelInferResponse response)
    {
        Assert.Equal((request.ModelName, "1"), (response.ModelName, response.ModelVersion));
        Assert.True(request.Id == response.Id || (request.Id.Length == 0 && response.Id.Length > 0));
        bool raw = request.RawInputContents.Count > 0;
        Assert.Equal(raw ? response.Outputs.Count : 0, response.RawOutputContents.Count);
        Assert.All(response.Outputs, output => Assert.True(output.Datatype.Length > 0 && output.Shape.Count > 0 && raw == output.Contents is null));
        Assert.Equal(request.Outputs.Count > 0 ? request.Outputs.Select(output => output.Name) : response.Outputs.Select(output => output.Name), response.Outputs.Select(output => output.Name));
    }

    private static void CheckStream(JsonElement request, ModelStreamInferResponse[] responses)
    {
        ModelInferRequest[] requests = [.. request.GetProperty("messages").EnumerateArray().Select(message => ModelInferRequest.Parser.ParseFrom(message.GetProperty("base64").GetBytesFromBase64()))];
        if (requests[0].ModelName == "repeat_int32") // 4, 2 and 0, one by one
        {
            Assert.Equal([4, 2, 0], responses.Select(response => BinaryPrimitives.ReadInt32LittleEndian(response.InferResponse.RawOutputContents[0].Span)));
            return;
        }
        foreach (ModelInferRequest asked in requests)
        {
            ModelStreamInferResponse[] own = [.. responses.Where(response => response.InferResponse.Id == asked.Id)];
            Assert.Equal("Hello, world!", string.Concat(own.Select(TextOf)));
            Assert.Equal([.. own.Skip(1).Select(_ => false), true], own.Select(response => response.InferResponse.Parameters["triton_final_response"].BoolParam));
            Assert.All(own, response => Assert.Equal("", response.ErrorMessage));
        }
        Assert.Equal(responses.Length, requests.Sum(asked => responses.Count(response => response.InferResponse.Id == asked.Id)));
    }

    // A raw element begins with its length.
    private static string TextOf(ModelStreamInferResponse response)
    {
        int index = response.InferResponse.Outputs.ToList().FindIndex(output => output.Name == "text_output");
        return System.Text.Encoding.UTF8.GetString(response.InferResponse.RawOutputContents[index].Span[4..]);
    }

    private static bool IsCall(JsonElement record) =>
        record.TryGetProperty("request", out JsonElement request) && request.TryGetProperty("messages", out _);
}
