using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Google.Protobuf;
using KServePaged.Predictor.Errors;
using KServePaged.Predictor.Protocols.OpenInference.Grpc;
using KServePaged.Predictor.Tests.Doubles;
using KServePaged.Predictor.Tests.Protocols.Recorded;
using KServePaged.Predictor.Tests.Transport.Grpc;
using static KServePaged.Predictor.Protocols.OpenInference.Grpc.ModelInferRequest.Types;

namespace KServePaged.Predictor.Tests.Protocols.OpenInference.TestModels;

/// <summary>Triton's Python gRPC examples (simple_grpc_*.py, grpc_explicit_*.py): what they send, and every thing they check in the answers.</summary>
public sealed class TritonGrpcExamplesTests : IAsyncLifetime
{
    private const string Service = "/inference.GRPCInferenceService/";

    private ServerUnderTest _server = null!; // InitializeAsync
    private GrpcTestClient _client = null!;

    public async ValueTask InitializeAsync()
    {
        // Two names for the server's own model: the gRPC example counts eight models, the HTTP one seven.
        _server = await ServerUnderTest.StartAsync(options => options with { TestModels = true, ModelNames = ["tales", "alias"] });
        _client = new GrpcTestClient(_server.Address);
    }

    public ValueTask DisposeAsync()
    {
        _client.Dispose();
        return _server.DisposeAsync();
    }

    /// <summary>simple_grpc_infer_client.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Infer(bool namesOutputs)
    {
        ModelInferRequest request = AddSub("simple", "INT32", Bytes([.. Enumerable.Range(0, 16)]), Bytes([.. Enumerable.Repeat(1, 16)]));
        request.Outputs.AddRange(namesOutputs ? [new InferRequestedOutputTensor { Name = "OUTPUT0" }, new InferRequestedOutputTensor { Name = "OUTPUT1" }] : []);
        ModelInferResponse response = (await _client.CallAsync(Service + "ModelInfer", request, ("test", "1"))).Single(ModelInferResponse.Parser);
        Assert.Equal(Enumerable.Range(0, 16).Select(i => i + 1), Ints(response, "OUTPUT0"));
        Assert.Equal(Enumerable.Range(0, 16).Select(i => i - 1), Ints(response, "OUTPUT1"));
        ModelStatisticsResponse statistics = (await _client.CallAsync(Service + "ModelStatistics", new ModelStatisticsRequest { Name = "simple" })).Single(ModelStatisticsResponse.Parser);
        Assert.Equal(1UL, Assert.Single(statistics.ModelStats).InferenceCount);
    }

    /// <summary>grpc_explicit_int_content_client and its int8 twin: typed contents in, raw ones out; a version that is none.</summary>
    [Theory]
    [InlineData("simple", "INT32", 4)]
    [InlineData("simple_int8", "INT8", 1)]
    public async Task ExplicitContents(string model, string datatype, int size)
    {
        ModelInferRequest request = Typed(model, datatype, i => new InferTensorContents { IntContents = { i } });
        ModelInferResponse response = (await _client.CallAsync(Service + "ModelInfer", request)).Single(ModelInferResponse.Parser);
        Assert.Equal(["OUTPUT0", "OUTPUT1"], response.Outputs.Select(output => output.Name));
        Assert.Equal(2, response.RawOutputContents.Count);
        Assert.All(response.RawOutputContents, raw => Assert.Equal(16 * size, raw.Length));
        Assert.Equal(Enumerable.Range(0, 16).Select(i => (byte)(i + 1)), response.RawOutputContents[0].Where((_, at) => at % size == 0));
        Assert.Equal(Enumerable.Range(0, 16).Select(i => unchecked((byte)(i - 1))), response.RawOutputContents[1].Where((_, at) => at % size == 0));

        request.ModelVersion = "wrong_specification";
        GrpcTestReply refused = await _client.CallAsync(Service + "ModelInfer", request);
        Assert.Contains("failed to get model version from specified version string 'wrong_specification'", refused.Message, StringComparison.Ordinal);
    }

    /// <summary>grpc_explicit_byte_content_client.</summary>
    [Fact]
    public async Task ExplicitTexts()
    {
        ModelInferRequest request = Typed("simple_string", "BYTES", i => new InferTensorContents { BytesContents = { ByteString.CopyFromUtf8($"{i}") } });
        ModelInferResponse response = (await _client.CallAsync(Service + "ModelInfer", request)).Single(ModelInferResponse.Parser);
        Assert.Equal(Enumerable.Range(0, 16).Select(i => $"{i + 1}"), Texts(response.RawOutputContents[0]));
        Assert.Equal(Enumerable.Range(0, 16).Select(i => $"{i - 1}"), Texts(response.RawOutputContents[1]));
    }

    /// <summary>simple_grpc_health_metadata.</summary>
    [Fact]
    public async Task HealthAndMetadata()
    {
        Assert.True((await _client.CallAsync(Service + "ServerLive", new ServerLiveRequest(), ("test", "1"), ("dummy", "2"))).Single(ServerLiveResponse.Parser).Live);
        Assert.True((await _client.CallAsync(Service + "ServerReady", new ServerReadyRequest())).Single(ServerReadyResponse.Parser).Ready);
        Assert.True(await IsReadyAsync("simple"));
        Assert.Equal("triton", (await _client.CallAsync(Service + "ServerMetadata", new ServerMetadataRequest())).Single(ServerMetadataResponse.Parser).Name);
        ModelMetadataResponse metadata = (await _client.CallAsync(Service + "ModelMetadata", new ModelMetadataRequest { Name = "simple" })).Single(ModelMetadataResponse.Parser);
        Assert.Equal(("simple", "-1 16"), (metadata.Name, string.Join(' ', metadata.Inputs[0].Shape)));
        GrpcTestReply wrong = await _client.CallAsync(Service + "ModelMetadata", new ModelMetadataRequest { Name = "wrong_model_name" });
        Assert.Equal(GrpcStatusCode.NotFound, wrong.Status);
        Assert.Contains("Request for unknown model", wrong.Message, StringComparison.Ordinal);
        ModelConfig config = await ConfigAsync();
        Assert.Equal(("simple", 8, 16L, false), (config.Name, config.MaxBatchSize, Assert.Single(config.Input[0].Dims), config.Input[0].Optional));
    }

    /// <summary>simple_grpc_model_control.</summary>
    [Fact]
    public async Task ModelControl()
    {
        Assert.Equal(8, (await _client.CallAsync(Service + "RepositoryIndex", new RepositoryIndexRequest())).Single(RepositoryIndexResponse.Parser).Models.Count);
        Assert.Equal(GrpcStatusCode.Ok, (await LoadAsync("simple")).Status);
        Assert.True(await IsReadyAsync("simple"));

        GrpcTestReply reply = await LoadAsync("simple", ("config", "\"parameters\": {\"config\": {{\"max_batch_size\": \"16\"}}}"));
        Assert.Equal(GrpcStatusCode.InvalidArgument, reply.Status);
        Assert.Contains("failed to load", reply.Message, StringComparison.Ordinal);

        Assert.Equal(GrpcStatusCode.Ok, (await LoadAsync("simple", ("config", "{\"max_batch_size\":\"16\"}"))).Status);
        Assert.Equal(16, (await ConfigAsync()).MaxBatchSize);

        Assert.Equal(GrpcStatusCode.Ok, (await _client.CallAsync(Service + "RepositoryModelUnload", new RepositoryModelUnloadRequest { ModelName = "simple" })).Status);
        Assert.False(await IsReadyAsync("simple"));
        Assert.Equal(GrpcStatusCode.NotFound, (await _client.CallAsync(Service + "ModelInfer", AddSub("simple", "INT32", new byte[64], new byte[64]))).Status);

        reply = await LoadAsync("simple", ("config", "{}"), ("file:" + new string('A', 256), "a"));
        Assert.Equal(GrpcStatusCode.Internal, reply.Status);
        Assert.Contains("failed to poll from model repository", reply.Message, StringComparison.Ordinal);
        Assert.True((await _client.CallAsync(Service + "ServerLive", new ServerLiveRequest())).Single(ServerLiveResponse.Parser).Live);

        reply = await LoadAsync("wrong_model_name");
        Assert.Contains("failed to load", reply.Message, StringComparison.Ordinal);
    }

    /// <summary>simple_grpc_custom_repeat, with times for tests.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task CustomRepeat(bool wantsEmptyFinal)
    {
        ModelInferRequest request = Repeat([.. Enumerable.Range(100, 10)], [.. Enumerable.Repeat(1, 10)]);
        request.Outputs.Add(new InferRequestedOutputTensor { Name = "OUT" });
        if (wantsEmptyFinal)
        {
            request.Parameters["triton_enable_empty_final_response"] = new InferParameter { BoolParam = true };
        }
        ModelInferResponse[] responses = await StreamAsync(request);
        Assert.Equal(wantsEmptyFinal ? 11 : 10, responses.Length);
        Assert.Equal(Enumerable.Range(100, 10), responses[..10].Select(response => Assert.Single(Ints(response, "OUT"))));
        Assert.All(responses[..10], response => Assert.Equal("OUT", Assert.Single(response.Outputs).Name));
        Assert.Equal([.. responses.Skip(1).Select(_ => false), true], responses.Select(response => response.Parameters["triton_final_response"].BoolParam));
    }

    [Fact]
    public async Task CustomRepeat_CountsAndMayBeEmpty()
    {
        ModelInferRequest request = Repeat([7, -7], [0, 0]);
        request.Id = "a";
        ModelInferResponse[] responses = await StreamAsync(request);
        Assert.Equal(["a", "a"], responses.Select(response => response.Id));
        Assert.Equal([0, 1], responses.Select(response => Assert.Single(Ints(response, "IDX"))));
        Assert.Equal([7, -7], responses.Select(response => Assert.Single(Ints(response, "OUT"))));

        ModelInferResponse empty = Assert.Single(await StreamAsync(Repeat([], [])));
        Assert.True(empty.Outputs.Count == 0 && empty.Parameters["triton_final_response"].BoolParam);

        GrpcTestReply unary = await _client.CallAsync(Service + "ModelInfer", request);
        Assert.Equal(GrpcStatusCode.FailedPrecondition, unary.Status);
        Assert.Contains("decoupled transaction policy", unary.Message, StringComparison.Ordinal);
        ModelStreamInferResponse refused = Assert.Single(await MessagesAsync(Repeat([1, 2], [0])));
        Assert.Equal("DELAY has 1 elements for the 2 of IN.", refused.ErrorMessage);
    }

    /// <summary>A model that is unloaded ends what it still works on, within the shutdown timeout.</summary>
    [Fact]
    public async Task Unload_EndsWhatRuns()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(options => options with { TestModels = true, ShutdownTimeout = TimeSpan.FromMilliseconds(50) });
        using var client = new GrpcTestClient(server.Address);
        Task<GrpcTestReply> running = client.CallAsync(Service + "ModelStreamInfer", Repeat([1, 2], [0, int.MaxValue]));
        while (server.Repository.Find("repeat_int32").OpenRequests == 0)
        {
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }
        GrpcTestReply unload = await client.CallAsync(Service + "RepositoryModelUnload", new RepositoryModelUnloadRequest { ModelName = "repeat_int32" });
        Assert.Equal(GrpcStatusCode.Ok, unload.Status);
        ModelStreamInferResponse last = ModelStreamInferResponse.Parser.ParseFrom((await running).Messages[^1].Bytes);
        Assert.Contains("was unloaded before it had answered", last.ErrorMessage, StringComparison.Ordinal);
        Assert.Equal(0, server.Repository.Find("repeat_int32").OpenRequests);
    }

    /// <summary>simple_grpc_sequence_stream_infer_client: three sequences through one stream.</summary>
    [Fact]
    public async Task SequenceStream()
    {
        int[] values = [0, 11, 7, 5, 3, 2, 0, 1];
        ModelInferRequest[] requests =
        [
            .. from id in new[] { "1000", "1001", "text" }
               from i in Enumerable.Range(0, values.Length)
               select Sequence(id, i, values[i], isLast: i == values.Length - 1),
        ];
        ModelInferResponse[] responses = await StreamAsync(requests);
        Assert.Equal(24, responses.Length);
        Assert.All(responses, response =>
        {
            int i = int.Parse(response.Id.Split('_')[1], System.Globalization.CultureInfo.InvariantCulture) - 1;
            Assert.Equal(values[i] + (i == 0 ? 1 : 0), Assert.Single(Ints(response, "OUTPUT")));
        });
        Assert.Equal(24, responses.DistinctBy(response => response.Id).Count());
    }

    /// <summary>What tritonclient itself was recorded to send to models called simple and repeat_int32.</summary>
    [Fact]
    public async Task RecordedCalls_AreAnswered()
    {
        int answered = 0;
        foreach (System.Text.Json.JsonElement record in RecordedTraffic.OfKind("client").Where(record => record.TryGetProperty("request", out var call) && call.TryGetProperty("messages", out _)))
        {
            System.Text.Json.JsonElement request = record.GetProperty("request");
            string path = RecordedCalls.Path(request);
            if (!path.EndsWith("Infer", StringComparison.Ordinal) || !request.GetProperty("messages")[0].TryGetProperty("base64", out System.Text.Json.JsonElement first)
                || request.GetProperty("messages")[0].TryGetProperty("compressed_flag", out var flag) && flag.GetInt32() != 0)
            {
                continue;
            }
            ModelInferRequest message = ModelInferRequest.Parser.ParseFrom(first.GetBytesFromBase64());
            if (message.ModelName is not ("simple" or "repeat_int32"))
            {
                continue;
            }
            GrpcTestReply reply = await _client.SendAsync(path, RecordedCalls.Body(request), RecordedCalls.Metadata(request));
            Assert.True(reply.Status == GrpcStatusCode.Ok, reply.Message);
            if (message.ModelName == "simple")
            {
                Assert.Equal(Enumerable.Range(0, 16).Select(i => i + i), Ints(reply.Single(ModelInferResponse.Parser), "OUTPUT0"));
            }
            else
            {
                Assert.All(reply.Messages, part => Assert.Equal("", ModelStreamInferResponse.Parser.ParseFrom(part.Bytes).ErrorMessage));
            }
            answered++;
        }
        Assert.InRange(answered, 1, 100);
    }

    private static ModelInferRequest AddSub(string model, string datatype, byte[] input0, byte[] input1) => new()
    {
        ModelName = model,
        Inputs = { new InferInputTensor { Name = "INPUT0", Datatype = datatype, Shape = { 1, 16 } }, new InferInputTensor { Name = "INPUT1", Datatype = datatype, Shape = { 1, 16 } } },
        RawInputContents = { ByteString.CopyFrom(input0), ByteString.CopyFrom(input1) },
    };

    /// <summary>0…15 and ones, in typed contents.</summary>
    private static ModelInferRequest Typed(string model, string datatype, Func<int, InferTensorContents> element)
    {
        InferTensorContents Merge(IEnumerable<int> values)
        {
            var contents = new InferTensorContents();
            foreach (int value in values)
            {
                contents.MergeFrom(element(value));
            }
            return contents;
        }
        return new ModelInferRequest
        {
            ModelName = model,
            Inputs =
            {
                new InferInputTensor { Name = "INPUT0", Datatype = datatype, Shape = { 1, 16 }, Contents = Merge(Enumerable.Range(0, 16)) },
                new InferInputTensor { Name = "INPUT1", Datatype = datatype, Shape = { 1, 16 }, Contents = Merge(Enumerable.Repeat(1, 16)) },
            },
            Outputs = { new InferRequestedOutputTensor { Name = "OUTPUT0" }, new InferRequestedOutputTensor { Name = "OUTPUT1" } },
        };
    }

    private static ModelInferRequest Repeat(int[] values, int[] delays) => new()
    {
        ModelName = "repeat_int32",
        Inputs =
        {
            new InferInputTensor { Name = "IN", Datatype = "INT32", Shape = { values.Length } },
            new InferInputTensor { Name = "DELAY", Datatype = "UINT32", Shape = { delays.Length } },
            new InferInputTensor { Name = "WAIT", Datatype = "UINT32", Shape = { 1 } },
        },
        RawInputContents = { ByteString.CopyFrom(Bytes(values)), ByteString.CopyFrom(Bytes(delays)), ByteString.CopyFrom(Bytes([1])) },
    };

    private static ModelInferRequest Sequence(string id, int index, int value, bool isLast) => new()
    {
        ModelName = "simple_sequence",
        Id = $"{id}_{index + 1}",
        Inputs = { new InferInputTensor { Name = "INPUT", Datatype = "INT32", Shape = { 1, 1 } } },
        RawInputContents = { ByteString.CopyFrom(Bytes([value])) },
        Outputs = { new InferRequestedOutputTensor { Name = "OUTPUT" } },
        Parameters =
        {
            ["sequence_id"] = int.TryParse(id, out int number) ? new InferParameter { Int64Param = number } : new InferParameter { StringParam = id },
            ["sequence_start"] = new InferParameter { BoolParam = index == 0 },
            ["sequence_end"] = new InferParameter { BoolParam = isLast },
        },
    };

    private async Task<ModelInferResponse[]> StreamAsync(params ModelInferRequest[] requests)
    {
        ModelStreamInferResponse[] messages = await MessagesAsync(requests);
        Assert.All(messages, message => Assert.Equal("", message.ErrorMessage));
        return [.. messages.Select(message => message.InferResponse)];
    }

    private async Task<ModelStreamInferResponse[]> MessagesAsync(params ModelInferRequest[] requests)
    {
        GrpcTestReply reply = await _client.SendAsync(Service + "ModelStreamInfer", [.. requests.SelectMany(request => GrpcTestClient.Frame(request))]);
        Assert.Equal(GrpcStatusCode.Ok, reply.Status);
        return [.. reply.Messages.Select(message => ModelStreamInferResponse.Parser.ParseFrom(message.Bytes))];
    }

    private async Task<bool> IsReadyAsync(string model) =>
        (await _client.CallAsync(Service + "ModelReady", new ModelReadyRequest { Name = model })).Single(ModelReadyResponse.Parser).Ready;

    private async Task<ModelConfig> ConfigAsync() =>
        (await _client.CallAsync(Service + "ModelConfig", new ModelConfigRequest { Name = "simple" })).Single(ModelConfigResponse.Parser).Config;

    private Task<GrpcTestReply> LoadAsync(string model, params (string Name, string Value)[] parameters)
    {
        var request = new RepositoryModelLoadRequest { ModelName = model };
        foreach ((string name, string value) in parameters)
        {
            request.Parameters[name] = name.StartsWith("file:", StringComparison.Ordinal)
                ? new ModelRepositoryParameter { BytesParam = ByteString.CopyFromUtf8(value) }
                : new ModelRepositoryParameter { StringParam = value };
        }
        return _client.CallAsync(Service + "RepositoryModelLoad", request);
    }

    private static int[] Ints(ModelInferResponse response, string output) =>
        MemoryMarshal.Cast<byte, int>(response.RawOutputContents[response.Outputs.ToList().FindIndex(tensor => tensor.Name == output)].Span).ToArray();

    private static byte[] Bytes(int[] values) => MemoryMarshal.AsBytes<int>(values).ToArray();

    private static IEnumerable<string> Texts(ByteString raw)
    {
        for (int at = 0; at < raw.Length;)
        {
            int length = BinaryPrimitives.ReadInt32LittleEndian(raw.Span[at..]);
            yield return Encoding.UTF8.GetString(raw.Span.Slice(at + 4, length));
            at += 4 + length;
        }
    }
}
