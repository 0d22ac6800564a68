using System.Text;
using Google.Protobuf;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Errors;
using KServePaged.Predictor.Hosting.Grpc;
using KServePaged.Predictor.Protocols.OpenInference;
using KServePaged.Predictor.Protocols.OpenInference.Grpc;
using KServePaged.Predictor.Tests.Doubles;
using KServePaged.Predictor.Tests.Transport.Grpc;
using KServePaged.Predictor.Transport.Grpc.Reflection;

namespace KServePaged.Predictor.Tests.Protocols.OpenInference;

public sealed class GrpcTests
{
    private const string Service = "/inference.GRPCInferenceService/";

    [Fact]
    public async Task Probes_AnswerWhileLoadingAndAfterwards()
    {
        var release = new TaskCompletionSource();
        await using ServerUnderTest server = await ServerUnderTest.StartLoadingAsync(async (_, _, _, _) =>
        {
            await release.Task;
            return new ScriptedEngine();
        });
        using var client = new GrpcTestClient(server.Address);
        Assert.True((await client.CallAsync(Service + "ServerLive", new ServerLiveRequest())).Single(ServerLiveResponse.Parser).Live);
        Assert.False((await client.CallAsync(Service + "ServerReady", new ServerReadyRequest())).Single(ServerReadyResponse.Parser).Ready);
        Assert.False((await client.CallAsync(Service + "ModelReady", new ModelReadyRequest { Name = "tales" })).Single(ModelReadyResponse.Parser).Ready);
        Assert.Equal(GrpcStatusCode.Unavailable, (await client.CallAsync(Service + "ModelInfer", Text("hi"))).Status);
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.NotServing, await CheckAsync(client, ""));
        release.SetResult();
        await server.WaitForAsync(health => health.Ready);
        Assert.True((await client.CallAsync(Service + "ModelReady", new ModelReadyRequest { Name = "tales", Version = "1" })).Single(ModelReadyResponse.Parser).Ready);
        foreach (string name in new[] { "", "tales", "inference.GRPCInferenceService" })
        {
            Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, await CheckAsync(client, name));
        }
    }

    [Fact]
    public async Task Health_WhenTheServiceIsUnknown_IsNotFound()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        using var client = new GrpcTestClient(server.Address);
        GrpcTestReply reply = await client.CallAsync("/grpc.health.v1.Health/Check", new HealthCheckRequest { Service = "none" });
        Assert.Equal(GrpcStatusCode.NotFound, reply.Status);
    }

    [Fact]
    public async Task Metadata_TellsTheTensors()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        using var client = new GrpcTestClient(server.Address);
        ServerMetadataResponse about = (await client.CallAsync(Service + "ServerMetadata", new ServerMetadataRequest())).Single(ServerMetadataResponse.Parser);
        Assert.Equal("kservepaged", about.Name);
        ModelMetadataResponse model = (await client.CallAsync(Service + "ModelMetadata", new ModelMetadataRequest { Name = "tales" })).Single(ModelMetadataResponse.Parser);
        Assert.Contains(model.Inputs, input => input is { Name: "text_input", Datatype: "BYTES" });
        Assert.Equal(["1"], model.Versions);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Infer_AnswersInTheFormItWasAsked(bool raw)
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        using var client = new GrpcTestClient(server.Address);
        ModelInferResponse response = (await client.CallAsync(Service + "ModelInfer", raw ? Raw(Text("hi")) : Text("hi"))).Single(ModelInferResponse.Parser);
        Assert.Equal(("tales", "1", "7"), (response.ModelName, response.ModelVersion, response.Id));
        Assert.Equal(["text_output", "finish_reason", "num_input_tokens", "num_output_tokens", "output_ids"], response.Outputs.Select(output => output.Name));
        Assert.Equal(raw ? 5 : 0, response.RawOutputContents.Count);
        Assert.All(response.Outputs, output => Assert.Equal(raw, output.Contents is null));
        Assert.Equal("Hello, world!", TextOf(response));
    }

    [Theory]
    [InlineData("none", "", (int)GrpcStatusCode.NotFound)]
    [InlineData("tales", "9", (int)GrpcStatusCode.NotFound)]
    public async Task Infer_WhenTheModelIsUnknown_IsNotFound(string model, string version, int expected)
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        using var client = new GrpcTestClient(server.Address);
        ModelInferRequest request = Text("hi");
        (request.ModelName, request.ModelVersion) = (model, version);
        Assert.Equal(expected, (int)(await client.CallAsync(Service + "ModelInfer", request)).Status);
    }

    public static TheoryData<string, byte[]> Inconsistent()
    {
        var data = new TheoryData<string, byte[]>();
        void Add(string fragment, Action<ModelInferRequest> spoil)
        {
            ModelInferRequest request = Raw(Text("hi"));
            spoil(request);
            data.Add(fragment, request.ToByteArray());
        }
        Add("raw_input_contents has 2", request => request.RawInputContents.Add(ByteString.Empty));
        Add("beside raw_input_contents", request => request.Inputs[0].Contents = new InferTensorContents());
        Add("claims 255 bytes", request => request.RawInputContents[0] = ByteString.CopyFrom(255, 0, 0, 0, 1));
        Add("ends inside the length", request => request.RawInputContents[0] = ByteString.CopyFrom(1, 0));
        Add("2 elements, its shape asks for 1", request => request.RawInputContents[0] = ByteString.CopyFrom(0, 0, 0, 0, 0, 0, 0, 0));
        Add("at least 0", request => request.Inputs[0].Shape[0] = -1);
        Add("more than", request => request.Inputs[0].Shape.Add(long.MaxValue));
        Add("datatype 'TEXT'", request => request.Inputs[0].Datatype = "TEXT");
        Add("not valid UTF-8", request => request.RawInputContents[0] = ByteString.CopyFrom(1, 0, 0, 0, 0xff));
        Add("shared_memory_region", request => request.Inputs[0].Parameters["shared_memory_region"] = new InferParameter { StringParam = "r" });
        Add("no usable value", request => request.Parameters["temperature"] = new InferParameter());
        Add("exactly one", request =>
        {
            request.Inputs.Clear();
            request.RawInputContents.Clear();
        });
        return data;
    }

    [Theory]
    [MemberData(nameof(Inconsistent))]
    public async Task Infer_WhenInconsistent_IsInvalidArgument(string fragment, byte[] message)
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        using var client = new GrpcTestClient(server.Address);
        GrpcTestReply reply = await client.SendAsync(Service + "ModelInfer", GrpcTestClient.Frame(message));
        Assert.Equal(GrpcStatusCode.InvalidArgument, reply.Status);
        Assert.Contains(fragment, reply.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Deadline_BecomesTheEngines()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        using var client = new GrpcTestClient(server.Address);
        await client.CallAsync(Service + "ModelInfer", Text("hi"), ("grpc-timeout", "90S"));
        TimeSpan left = server.Engine.LastRequest.Deadline!.Value - DateTimeOffset.UtcNow;
        Assert.InRange(left.TotalSeconds, 60, 90);
    }

    [Theory]
    [InlineData(EngineErrorCode.Overloaded, null, GrpcStatusCode.ResourceExhausted, "2500")]
    [InlineData(EngineErrorCode.Draining, "60S", GrpcStatusCode.Unavailable, "2500")]
    [InlineData(EngineErrorCode.NotReady, "2S", GrpcStatusCode.Unavailable, "-1")] // the deadline passes before the retry
    public async Task Refusal_WhenAnotherTryMakesSense_SaysWhen(object code, string? timeout, object status, string pushback)
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        server.Engine.Refusal = new RequestException((EngineErrorCode)code, "full") { RetryAfter = TimeSpan.FromMilliseconds(2500) };
        using var client = new GrpcTestClient(server.Address);
        GrpcTestReply reply = await client.CallAsync(Service + "ModelInfer", Text("hi"), timeout is null ? [] : [("grpc-timeout", timeout)]);
        Assert.Equal((GrpcStatusCode)status, reply.Status);
        Assert.Equal(
            ["3", "2500", pushback],
            new[] { "retry-after", "retry-after-ms", "grpc-retry-pushback-ms" }.Select(name => reply.Headers.GetValues(name).Single())); // Trailers-Only
    }

    [Fact]
    public async Task Cancel_FreesTheGeneration()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        server.Engine.BeforeDelta = (index, cancellation) =>
        {
            reached.TrySetResult();
            return Task.Delay(Timeout.Infinite, cancellation);
        };
        server.Engine.Closed += () => closed.TrySetResult();
        using (var client = new GrpcTestClient(server.Address))
        {
            _ = client.StartAsync(Service + "ModelInfer", new ByteArrayContent(GrpcTestClient.Frame(Text("hi")))).ContinueWith(_ => { }, TaskScheduler.Default);
            await reached.Task.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        }
        await closed.Task.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        Assert.Equal(0, server.Engine.Open);
    }

    [Fact]
    public async Task StreamInfer_StreamsPiecesAndMarksTheLast()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        ModelInferRequest request = Text("hi");
        request.Parameters["stream"] = new InferParameter { BoolParam = true };
        List<ModelStreamInferResponse> pieces = await StreamAsync(server, request);
        Assert.Equal(["Hello", ",", " world", "!"], pieces.Select(piece => TextOf(piece.InferResponse)));
        Assert.Equal([false, false, false, true], pieces.Select(IsFinal));
        Assert.Contains(pieces[^1].InferResponse.Outputs, output => output.Name == "finish_reason");
        Assert.Equal(4u, pieces[^1].InferResponse.Outputs.Single(output => output.Name == "num_output_tokens").Contents.UintContents[0]);
    }

    [Fact]
    public async Task StreamInfer_WhenAnEmptyFinalIsAsked_SendsOneMore()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        ModelInferRequest request = Text("hi");
        request.Parameters["triton_enable_empty_final_response"] = new InferParameter { BoolParam = true };
        List<ModelStreamInferResponse> pieces = await StreamAsync(server, request);
        Assert.Equal("Hello, world!", TextOf(pieces[0].InferResponse));
        Assert.Equal((2, false, true, 0), (pieces.Count, IsFinal(pieces[0]), IsFinal(pieces[1]), pieces[1].InferResponse.Outputs.Count));
    }

    [Fact]
    public async Task StreamInfer_WhenOneRequestFails_TheOthersGoOn()
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        ModelInferRequest bad = Text("hi");
        (bad.Id, bad.ModelName) = ("bad", "none");
        List<ModelStreamInferResponse> pieces = await StreamAsync(server, bad, Text("hi"));
        ModelStreamInferResponse error = pieces.Single(piece => piece.ErrorMessage.Length > 0);
        Assert.Equal(("bad", "none"), (error.InferResponse.Id, error.InferResponse.ModelName));
        Assert.Equal("Hello, world!", TextOf(pieces.Single(piece => piece.ErrorMessage.Length == 0).InferResponse));
    }

    [Theory]
    [InlineData("grpc.reflection.v1.ServerReflection")]
    [InlineData("grpc.reflection.v1alpha.ServerReflection")]
    public async Task Reflection_ListsAndDescribes(string service)
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync();
        using var client = new GrpcTestClient(server.Address);
        byte[] questions =
        [
            .. GrpcTestClient.Frame(new ServerReflectionRequest { ListServices = "*" }),
            .. GrpcTestClient.Frame(new ServerReflectionRequest { FileContainingSymbol = "inference.GRPCInferenceService" }),
            .. GrpcTestClient.Frame(new ServerReflectionRequest { FileContainingSymbol = "no.such.Thing" }),
        ];
        GrpcTestReply reply = await client.SendAsync($"/{service}/ServerReflectionInfo", questions);
        ServerReflectionResponse[] answers = [.. reply.Messages.Select(message => ServerReflectionResponse.Parser.ParseFrom(message.Bytes))];
        Assert.Contains("inference.GRPCInferenceService", answers[0].ListServicesResponse.Service.Select(found => found.Name));
        Assert.Equal(
            OpenInferenceReflection.Descriptor.SerializedData,
            answers[1].FileDescriptorResponse.FileDescriptorProto[0]);
        Assert.Equal((int)GrpcStatusCode.NotFound, answers[2].ErrorResponse.ErrorCode);
    }

    /// <summary>Any tensor is the same inside, whether it came typed or raw.</summary>
    [Fact]
    public void Tensors_TypedAndRaw_AreTheSame()
    {
        var random = new Random(22);
        Datatype[] typed = [.. Enum.GetValues<Datatype>().Where(type => type is not (Datatype.Fp16 or Datatype.Bf16))];
        for (int round = 0; round < 2000; round++)
        {
            Datatype datatype = typed[random.Next(typed.Length)];
            long[] shape = [.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => (long)random.Next(0, 4))];
            int count = (int)shape.Aggregate(1L, (product, size) => product * size);
            byte[] raw = new byte[count * Datatypes.Size(datatype)];
            random.NextBytes(raw);
            for (int i = 0; i < raw.Length && datatype == Datatype.Bool; i++)
            {
                raw[i] &= 1;
            }
            InferTensor tensor = datatype == Datatype.Bytes
                ? InferTensor.OfStrings("x", shape, [.. Enumerable.Range(0, count).Select(_ => new ReadOnlyMemory<byte>(RandomBytes(random)))])
                : InferTensor.OfRaw("x", datatype, shape, raw);
            InferTensor fromTyped = ProtoTensors.FromTyped("x", Datatypes.Name(datatype), shape, ProtoTensors.ToTyped(tensor));
            InferTensor fromRaw = ProtoTensors.FromRaw("x", Datatypes.Name(datatype), shape, RawTensors.Encode(tensor));
            foreach (InferTensor other in new[] { fromTyped, fromRaw })
            {
                // Signalling NaNs may turn quiet on the way through a float.
                bool nan = datatype is Datatype.Fp32 or Datatype.Fp64 && Enumerable.Range(0, count).Any(i => double.IsNaN(tensor.FloatAt(i)!.Value));
                Assert.True(nan || tensor.Raw.Span.SequenceEqual(other.Raw.Span), $"{datatype}");
                Assert.Equal(tensor.Strings.Select(text => Convert.ToHexString(text.Span)), other.Strings.Select(text => Convert.ToHexString(text.Span)));
            }
        }
    }

    private static byte[] RandomBytes(Random random)
    {
        byte[] bytes = new byte[random.Next(5)];
        random.NextBytes(bytes);
        return bytes;
    }

    private static async Task<HealthCheckResponse.Types.ServingStatus> CheckAsync(GrpcTestClient client, string service) =>
        (await client.CallAsync("/grpc.health.v1.Health/Check", new HealthCheckRequest { Service = service })).Single(HealthCheckResponse.Parser).Status;

    private static async Task<List<ModelStreamInferResponse>> StreamAsync(ServerUnderTest server, params ModelInferRequest[] requests)
    {
        using var client = new GrpcTestClient(server.Address);
        GrpcTestReply reply = await client.SendAsync(Service + "ModelStreamInfer", [.. requests.SelectMany(request => GrpcTestClient.Frame(request))]);
        Assert.True(reply.Status == GrpcStatusCode.Ok, reply.Message);
        return [.. reply.Messages.Select(message => ModelStreamInferResponse.Parser.ParseFrom(message.Bytes))];
    }

    private static bool IsFinal(ModelStreamInferResponse piece) => piece.InferResponse.Parameters["triton_final_response"].BoolParam;

    private static ModelInferRequest Text(string text)
    {
        var input = new ModelInferRequest.Types.InferInputTensor
        {
            Name = "text_input",
            Datatype = "BYTES",
            Shape = { 1 },
            Contents = new InferTensorContents { BytesContents = { ByteString.CopyFromUtf8(text) } },
        };
        return new ModelInferRequest { ModelName = "tales", Id = "7", Inputs = { input } };
    }

    private static ModelInferRequest Raw(ModelInferRequest request)
    {
        byte[] text = request.Inputs[0].Contents.BytesContents[0].ToByteArray();
        request.Inputs[0].Contents = null;
        request.RawInputContents.Add(ByteString.CopyFrom([(byte)text.Length, 0, 0, 0, .. text]));
        return request;
    }

    private static string TextOf(ModelInferResponse response)
    {
        int index = response.Outputs.ToList().FindIndex(output => output.Name == "text_output");
        return response.RawOutputContents.Count > 0
            ? Encoding.UTF8.GetString(response.RawOutputContents[index].Span[4..])
            : response.Outputs[index].Contents.BytesContents[0].ToStringUtf8();
    }
}
