using KServePaged.Engine;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Generation;
using KServePaged.Predictor.Hosting;
using KServePaged.Predictor.Transport.Grpc;

namespace KServePaged.Predictor.Protocols.OpenInference.Grpc;

/// <summary>inference.GRPCInferenceService: the Open Inference Protocol v2 over gRPC with Triton's extensions.</summary>
internal sealed class OpenInferenceGrpc(ModelRepository repository, InferenceStatistics statistics)
{
    public const string Service = "inference.GRPCInferenceService";

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
        GrpcMethod.Unary(Service, "ModelInfer", ModelInferRequest.Parser, InferAsync),
        GrpcMethod.Duplex<ModelInferRequest, ModelStreamInferResponse>(
            Service, "ModelStreamInfer", ModelInferRequest.Parser, StreamInferAsync),
    ];

    private static ServerMetadataResponse ServerMetadata() =>
        new() { Name = ProductInfo.Name, Version = ProductInfo.Version, Extensions = { ServerExtensions.Names } };

    private async Task StreamInferAsync(
        GrpcMessageReader<ModelInferRequest> requests, GrpcMessageWriter<ModelStreamInferResponse> responses, GrpcCallContext call)
    {
        using var stream = new InferStream(repository, statistics, requests, responses, call);
        await stream.RunAsync().ConfigureAwait(false);
    }

    private ModelMetadataResponse ModelMetadata(ModelMetadataRequest request)
    {
        LanguageModel model = ModelLookup.FindText(repository, request.Name, request.Version);
        ModelInfo info = (model.LoadedEngine ?? model.Engine).Model;
        return new ModelMetadataResponse
        {
            Name = request.Name,
            Versions = { TextModel.Version },
            Platform = TextModel.Platform,
            Inputs = { TextModel.Inputs(info.HasTokenizer, info.HasChatTemplate).Select(Tensor) },
            Outputs = { TextModel.Outputs(info.HasTokenizer).Select(Tensor) },
        };
    }

    private static ModelMetadataResponse.Types.TensorMetadata Tensor(TensorMetadata tensor) =>
        new() { Name = tensor.Name, Datatype = Datatypes.Name(tensor.Datatype), Shape = { tensor.Shape } };

    private async Task<ModelInferResponse> InferAsync(ModelInferRequest request, GrpcCallContext call)
    {
        LanguageModel model = ModelLookup.FindText(repository, request.ModelName, request.ModelVersion);
        ILlmEngine engine = model.Engine;
        ModelInferResponse? answer = null;
        await statistics.Of(model).MeasureAsync(async watch => answer = await InferAsync(request, engine, watch, call).ConfigureAwait(false), call.CancellationToken)
            .ConfigureAwait(false);
        return answer!; // it was measured to its end
    }

    private static async Task<ModelInferResponse> InferAsync(ModelInferRequest request, ILlmEngine engine, InferenceWatch watch, GrpcCallContext call)
    {
        InferRequest read = ProtoInfer.Read(request);
        TextGeneration generation = InferMapper.Map(read, engine.Model, call.RequestId, call.Deadline);
        watch.Generating(generation.Requests.Count);
        IReadOnlyList<GeneratedPrompt> prompts = await TextGenerator.RunAsync(engine, generation.Requests, call.CancellationToken).ConfigureAwait(false);
        watch.Answering(GeneratedPrompt.LongestWait(prompts));
        var response = new InferResponse(
            request.ModelName, TextModel.Version, read.Id ?? Guid.NewGuid().ToString(), InferAssembler.Assemble(generation, prompts));
        return ProtoInfer.Write(response, ProtoInfer.IsRaw(request));
    }
}
