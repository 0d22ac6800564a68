using System.Text.Json;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Configuration;
using KServePaged.Predictor.Hosting;
using KServePaged.Predictor.Transport.Grpc;

namespace KServePaged.Predictor.Protocols.OpenInference.Grpc;

/// <summary>Triton's extensions that tell about models and the server: the gRPC twins of the REST routes.</summary>
internal sealed class ManagementGrpc(ModelRepository repository, InferenceStatistics statistics, LogThreshold threshold, ServerOptions options)
{
    private const string Service = OpenInferenceGrpc.Service;

    private readonly LogSettings _logging = new(threshold);

    public IEnumerable<GrpcMethod> Methods =>
    [
        GrpcMethod.Unary(Service, "ModelConfig", ModelConfigRequest.Parser, (request, _) => Task.FromResult(Config(request))),
        GrpcMethod.Unary(Service, "ModelStatistics", ModelStatisticsRequest.Parser, (request, _) => Task.FromResult(Statistics(request))),
        GrpcMethod.Unary(Service, "RepositoryIndex", RepositoryIndexRequest.Parser, (request, _) => Task.FromResult(Index(request))),
        GrpcMethod.Unary(Service, "RepositoryModelLoad", RepositoryModelLoadRequest.Parser, LoadAsync),
        GrpcMethod.Unary(Service, "RepositoryModelUnload", RepositoryModelUnloadRequest.Parser, UnloadAsync),
        GrpcMethod.Unary(Service, "TraceSetting", TraceSettingRequest.Parser, (request, _) => Task.FromResult(Trace(request))),
        GrpcMethod.Unary(Service, "LogSettings", LogSettingsRequest.Parser, (request, _) => Task.FromResult(Logging(request))),
    ];

    private ModelConfigResponse Config(ModelConfigRequest request)
    {
        ServedModel model = ModelLookup.Find(repository, request.Name, request.Version);
        ModelDescription description = ModelDescription.Of(model);
        return new ModelConfigResponse
        {
            Config = new ModelConfig
            {
                Name = string.IsNullOrEmpty(request.Name) ? model.Name : request.Name,
                Platform = description.Platform,
                Backend = description.Platform,
                MaxBatchSize = description.MaxBatchSize,
                Input =
                {
                    description.Inputs.Select(tensor =>
                        new ModelInput { Name = tensor.Name, DataType = TypeOf(tensor.Datatype), Dims = { tensor.Shape }, Optional = description.InputsAreOptional }),
                },
                Output =
                {
                    description.Outputs.Select(tensor =>
                        new ModelOutput { Name = tensor.Name, DataType = TypeOf(tensor.Datatype), Dims = { tensor.Shape } }),
                },
                ModelTransactionPolicy = new ModelTransactionPolicy { Decoupled = description.IsDecoupled },
            },
        };
    }

    private ModelStatisticsResponse Statistics(ModelStatisticsRequest request)
    {
        IEnumerable<(string Name, ServedModel Model)> asked = request.Name.Length == 0
            ? repository.Listed.Select(model => (model.Name, model))
            : [(request.Name, ModelLookup.Find(repository, request.Name, request.Version))];
        return new ModelStatisticsResponse { ModelStats = { asked.Select(entry => Statistics(entry.Name, entry.Model, statistics.Of(entry.Model).Counts)) } };
    }

    private static ModelStatistics Statistics(string name, ServedModel model, InferenceCounts counts) => new()
    {
        Name = name,
        Version = TextModel.Version,
        LastInference = counts.LastInferenceMs,
        InferenceCount = counts.InferenceCount,
        ExecutionCount = counts.Success.Count,
        InferenceStats = new InferStatistics
        {
            Success = Duration(counts.Success),
            Fail = Duration(counts.Fail),
            Queue = Duration(counts.Queue),
            ComputeInput = Duration(counts.ComputeInput),
            ComputeInfer = Duration(counts.ComputeInfer),
            ComputeOutput = Duration(counts.ComputeOutput),
            CacheHit = new StatisticDuration(), // whole answers are not cached
            CacheMiss = new StatisticDuration(),
        },
        ResponseStats =
        {
            ["0"] = new InferResponseStatistics
            {
                ComputeInfer = Duration(counts.ComputeInfer),
                ComputeOutput = Duration(counts.ComputeOutput),
                Success = Duration(counts.Success),
                Fail = Duration(counts.Fail),
                Cancel = Duration(counts.Cancel),
            },
        },
        MemoryUsage = { model.MemoryBytes > 0 ? [new MemoryUsage { Type = TextModel.MemoryType, ByteSize = (ulong)model.MemoryBytes }] : Array.Empty<MemoryUsage>() },
    };

    private RepositoryIndexResponse Index(RepositoryIndexRequest request) => new()
    {
        Models =
        {
            RepositoryEntry.Index(repository, request.Ready).Select(entry =>
                new RepositoryIndexResponse.Types.ModelIndex { Name = entry.Name, Version = TextModel.Version, State = entry.State, Reason = entry.Reason }),
        },
    };

    private async Task<RepositoryModelLoadResponse> LoadAsync(RepositoryModelLoadRequest request, GrpcCallContext call)
    {
        string name = NameIn(request.RepositoryOrModelName, request.ModelName);
        if (repository.Route(name) is { } route)
        {
            await repository.ChangeAsync(route, VariantParameters.Read(name, request.Parameters.ToDictionary(
                parameter => parameter.Key, parameter => TextOf(parameter.Value))), call.CancellationToken).ConfigureAwait(false);
            return new RepositoryModelLoadResponse { ModelName = name, IsLoaded = true };
        }
        RepositoryParameters.Prepare(repository, name, request.Parameters.ToDictionary(
            parameter => parameter.Key, parameter => parameter.Value.HasStringParam ? parameter.Value.StringParam : null));
        await repository.LoadAsync(name, call.CancellationToken).ConfigureAwait(false);
        return new RepositoryModelLoadResponse { ModelName = name, IsLoaded = true };
    }

    private async Task<RepositoryModelUnloadResponse> UnloadAsync(RepositoryModelUnloadRequest request, GrpcCallContext call)
    {
        string name = NameIn(request.RepositoryOrModelName, request.ModelName);
        RepositoryParameters.RequireUnload(request.Parameters.Keys);
        await repository.UnloadAsync(name, call.CancellationToken).ConfigureAwait(false);
        return new RepositoryModelUnloadResponse { ModelName = name, IsUnloaded = true };
    }

    private static string TextOf(ModelRepositoryParameter value) => value.ParameterChoiceCase switch
    {
        ModelRepositoryParameter.ParameterChoiceOneofCase.BoolParam => value.BoolParam ? "true" : "false",
        ModelRepositoryParameter.ParameterChoiceOneofCase.Int64Param => value.Int64Param.ToString(System.Globalization.CultureInfo.InvariantCulture),
        _ => value.StringParam,
    };

    // Two messages share the name on the wire: Triton's has the model in field 2, KServe's in field 1, where Triton's has a repository.
    private static string NameIn(string field1, string field2) => field2.Length > 0 ? field2 : field1;

    private TraceSettingResponse Trace(TraceSettingRequest request)
    {
        if (request.ModelName.Length > 0)
        {
            _ = ModelLookup.Find(repository, request.ModelName, version: null);
        }
        var settings = new TraceSettings(options.Traces);
        settings.Apply([.. request.Settings.Select(setting =>
            (setting.Key, setting.Value.Value.Count > 0 ? (IReadOnlyList<string>?)[.. setting.Value.Value] : null))]); // none = back to the default
        var response = new TraceSettingResponse();
        foreach (JsonProperty setting in settings.Values.EnumerateObject())
        {
            response.Settings[setting.Name] = new TraceSettingResponse.Types.SettingValue { Value = { ServerSettings.TextsOf(setting.Value) } };
        }
        return response;
    }

    private LogSettingsResponse Logging(LogSettingsRequest request)
    {
        _logging.Apply([.. request.Settings.Select(setting => (setting.Key, TextsOf(setting.Value)))]);
        var response = new LogSettingsResponse();
        foreach (JsonProperty setting in _logging.Values.EnumerateObject())
        {
            response.Settings[setting.Name] = setting.Value.ValueKind switch
            {
                JsonValueKind.True or JsonValueKind.False => new() { BoolParam = setting.Value.GetBoolean() },
                JsonValueKind.Number => new() { Uint32Param = setting.Value.GetUInt32() },
                _ => new() { StringParam = setting.Value.GetString() },
            };
        }
        return response;
    }

    private static IReadOnlyList<string>? TextsOf(LogSettingsRequest.Types.SettingValue value) => value.ParameterChoiceCase switch
    {
        LogSettingsRequest.Types.SettingValue.ParameterChoiceOneofCase.BoolParam => [value.BoolParam ? "true" : "false"],
        LogSettingsRequest.Types.SettingValue.ParameterChoiceOneofCase.Uint32Param => [value.Uint32Param.ToString(System.Globalization.CultureInfo.InvariantCulture)],
        LogSettingsRequest.Types.SettingValue.ParameterChoiceOneofCase.StringParam => [value.StringParam],
        _ => null,
    };

    private static StatisticDuration Duration(InferenceDurations durations) => new() { Count = durations.Count, Ns = durations.Nanoseconds };

    private static DataType TypeOf(Datatype datatype) => datatype switch
    {
        Datatype.Bool => DataType.TypeBool,
        Datatype.Uint32 => DataType.TypeUint32,
        Datatype.Int32 => DataType.TypeInt32,
        Datatype.Fp32 => DataType.TypeFp32,
        Datatype.Bytes => DataType.TypeString,
        _ => throw new InvalidOperationException($"no tensor of a text model is {datatype}."),
    };
}
