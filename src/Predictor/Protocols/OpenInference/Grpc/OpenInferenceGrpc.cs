using KServePaged.Engine;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Configuration;
using KServePaged.Predictor.Generation;
using KServePaged.Predictor.Hosting;
using KServePaged.Predictor.InferenceLogging;
using KServePaged.Predictor.Transport.Grpc;

namespace KServePaged.Predictor.Protocols.OpenInference.Grpc;

/// <summary>inference.GRPCInferenceService: the Open Inference Protocol v2 over gRPC with Triton's extensions.</summary>
internal sealed class OpenInferenceGrpc(ModelRepository repository, LoadQueue queue, InferenceStatistics statistics, ServerOptions options, InferenceLog log)
{
    public const string Service = "inference.GRPCInferenceService";

    /// <summary>Metadata that asks for a variant; headers of a unary answer tell which one it was.</summary>
    public const string Variant = "x-model-variant";

    public IEnumerable<GrpcMethod> Methods =>
    [
        GrpcMethod.Unary(Service, "ServerLive", ServerLiveRequest.Parser, (_, _) => Task.FromResult(
            new ServerLiveResponse { Live = repository.Health.Live })),
        GrpcMethod.Unary(Service, "ServerReady", ServerReadyRequest.Parser, (_, _) => Task.FromResult(
            new ServerReadyResponse { Ready = repository.Health.Ready })),
        GrpcMethod.Unary(Service, "ModelReady", ModelReadyRequest.Parser, (request, _) => Task.FromResult(
            new ModelReadyResponse { Ready = ModelLookup.Find(repository, request.Name, request.Version).Health.Current.Ready })),
        GrpcMethod.Unary(Service, "ServerMetadata", ServerMetadataRequest.Parser, (_, _) => Task.FromResult(ServerMetadata())),
        GrpcMethod.Unary(Service, "ModelMetadata", ModelMetadataRequest.Parser, (request, _) => Task.FromResult(ModelMetadata(request))),
        GrpcMethod.Unary(Service, "ModelInfer", WireInferRequest.Parser, WireInferResponse.Serializer, InferAsync),
        GrpcMethod.Duplex(Service, "ModelStreamInfer", WireInferRequest.Parser, WireStreamResponse.Serializer, StreamInferAsync),
    ];

    private ServerMetadataResponse ServerMetadata() =>
        new() { Name = ServerExtensions.NameOf(options), Version = ProductInfo.Version, Extensions = { ServerExtensions.Names } };

    private async Task StreamInferAsync(
        GrpcMessageReader<WireInferRequest> requests, GrpcMessageWriter<WireStreamResponse> responses, GrpcCallContext call)
    {
        using var stream = new InferStream(repository, queue, statistics, log, requests, responses, call);
        await stream.RunAsync().ConfigureAwait(false);
    }

    private ModelMetadataResponse ModelMetadata(ModelMetadataRequest request)
    {
        ModelDescription description = ModelDescription.Of(ModelLookup.Find(repository, request.Name, request.Version));
        return new ModelMetadataResponse
        {
            Name = request.Name,
            Versions = { TextModel.Version },
            Platform = description.Platform,
            Inputs = { description.Inputs.Select(tensor => Tensor(tensor, description)) },
            Outputs = { description.Outputs.Select(tensor => Tensor(tensor, description)) },
        };
    }

    private static ModelMetadataResponse.Types.TensorMetadata Tensor(TensorMetadata tensor, ModelDescription description) =>
        new() { Name = tensor.Name, Datatype = Datatypes.Name(tensor.Datatype), Shape = { description.WholeShape(tensor) } };

    private Task<WireInferResponse> InferAsync(WireInferRequest request, GrpcCallContext call)
    {
        ServedModel model = ModelLookup.Select(repository, request.ModelName, request.ModelVersion, new Caller(call.RequestId, call.RequestMetadata.Text(Variant)));
        if (repository.Route(request.ModelName) is not null)
        {
            call.ResponseHeaders.Add(Variant, model.Name);
        }
        return model is TensorModel tensors ? Task.FromResult(Infer(request, tensors, call)) : InferAsync(request, ModelLookup.TextOf(model), call);
    }

    private WireInferResponse Infer(WireInferRequest request, TensorModel model, GrpcCallContext call)
    {
        using InferenceWatch watch = statistics.Of(model).Begin(call.CancellationToken);
        InferRequest read = ProtoInfer.Read(request);
        IReadOnlyList<InferTensor> outputs = model.RespondOnce(read, watch);
        // Raw whatever the request was: Triton's server answers so, and its examples with typed contents read nothing else.
        var answer = new WireInferResponse(new InferResponse(request.ModelName, TextModel.Version, read.Id ?? Guid.NewGuid().ToString(), outputs), raw: true);
        watch.Succeed();
        return answer;
    }

    private async Task<WireInferResponse> InferAsync(WireInferRequest request, LanguageModel model, GrpcCallContext call)
    {
        await queue.WaitAsync(model, tell: null, call.CancellationToken).ConfigureAwait(false);
        ILlmEngine engine = model.Engine;
        using InferenceWatch watch = statistics.Of(model).Begin(call.CancellationToken);
        InferRequest read = ProtoInfer.Read(request);
        InferExchange? exchange = InferExchange.Begin(log, call, number: null, read, request.Size);
        TextGeneration generation = InferMapper.Map(read, engine.Model, call.RequestId, call.Deadline);
        watch.Generating(generation.Requests.Count);
        IReadOnlyList<GeneratedPrompt> prompts = await TextGenerator.RunAsync(engine, generation.Requests, call.CancellationToken).ConfigureAwait(false);
        watch.Answering(GeneratedPrompt.LongestWait(prompts));
        var response = new InferResponse(
            request.ModelName, TextModel.Version, read.Id ?? Guid.NewGuid().ToString(), InferAssembler.Assemble(generation, prompts));
        var message = new WireInferResponse(response, ProtoInfer.IsRaw(request));
        exchange?.Answered(response, message.Size);
        watch.Succeed();
        return message;
    }
}
