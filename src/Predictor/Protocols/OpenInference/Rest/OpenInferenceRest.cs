using KServePaged.Engine;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Configuration;
using KServePaged.Predictor.Errors;
using KServePaged.Predictor.Generation;
using KServePaged.Predictor.Hosting;
using KServePaged.Predictor.Security;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenInference.Rest;

/// <summary>The Open Inference Protocol v2 over REST, with Triton's generate extension.</summary>
internal static class OpenInferenceRest
{
    private const string Models = "/v2/models/";

    private static readonly string[] Read = ["GET", "HEAD"];

    public static void MapOpenInference(this IEndpointRouteBuilder routes)
    {
        routes.MapMethods("/v2", Read, ServerMetadataAsync);
        routes.MapMethods("/v2/health/live", Read, LiveAsync).WithMetadata(OpenToAll.Instance);
        routes.MapMethods("/v2/health/ready", Read, ReadyAsync).WithMetadata(OpenToAll.Instance);
        routes.MapMethods("/v2/models", Read, ListAsync);
        routes.Map(Models + "{**path}", DispatchAsync);
        routes.Map("/v2/models/stats", AllStatisticsAsync);
        routes.MapPost("/v2/repository/index", context => RepositoryEndpoints.IndexAsync(context, Repository(context)));
        routes.MapPost("/v2/repository/models/{**path}", context => RepositoryEndpoints.ChangeAsync(context, Repository(context)));
        routes.MapMethods("/v2/trace/setting", ReadWrite, context => ModelManagement.SettingsAsync(context, Traces(context)));
        routes.MapMethods("/v2/logging", ReadWrite, context => ModelManagement.SettingsAsync(
            context, new LogSettings(context.RequestServices.GetRequiredService<LogThreshold>())));
        routes.Map("/v2/systemsharedmemory/{**path}", SharedMemoryAsync);
        routes.Map("/v2/cudasharedmemory/{**path}", SharedMemoryAsync);
    }

    private static readonly string[] ReadWrite = [.. Read, "POST"];

    private static TraceSettings Traces(HttpContext context) => new(context.RequestServices.GetRequiredService<ServerOptions>().Traces);

    private static ModelRepository Repository(HttpContext context) => context.RequestServices.GetRequiredService<ModelRepository>();

    private static Task ServerMetadataAsync(HttpContext context) => JsonReply.WriteAsync(context, writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("name", ServerExtensions.NameOf(context.RequestServices.GetRequiredService<ServerOptions>()));
        writer.WriteString("version", ProductInfo.Version);
        writer.WriteStartArray("extensions");
        foreach (string extension in ServerExtensions.Names)
        {
            writer.WriteStringValue(extension);
        }
        writer.WriteEndArray();
        writer.WriteEndObject();
    });

    private static Task ListAsync(HttpContext context) => JsonReply.WriteAsync(context, writer =>
    {
        writer.WriteStartObject();
        writer.WriteStartArray("models");
        foreach (string name in Repository(context).ListedNames.Select(entry => entry.Name))
        {
            writer.WriteStringValue(name);
        }
        writer.WriteEndArray();
        writer.WriteEndObject();
    });

    private static Task LiveAsync(HttpContext context)
    {
        HealthReport health = Repository(context).Health;
        return HealthAsync(context, health.Live ? null : health, "live");
    }

    private static Task ReadyAsync(HttpContext context)
    {
        HealthReport health = Repository(context).Health;
        return HealthAsync(context, health.Ready ? null : health, "ready");
    }

    // KServe's client parses the body and reads live or ready; a failing probe says in it what the server is doing.
    private static Task HealthAsync(HttpContext context, HealthReport? failing, string question)
    {
        context.Response.StatusCode = failing is null ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        return JsonReply.WriteAsync(context, writer =>
        {
            writer.WriteStartObject();
            writer.WriteBoolean(question, failing is null);
            if (failing is not null)
            {
                writer.WriteString("error", $"not {question}: {ServedModel.Describe(failing)}");
                HealthEndpoints.WriteReport(writer, failing);
            }
            writer.WriteEndObject();
        });
    }

    private static Task DispatchAsync(HttpContext context)
    {
        ModelRepository repository = Repository(context);
        if (ModelRoute.Parse(RawPath.Below(context, Models), name => repository.Route(name) is not null || repository.Models.Any(model => model.Names.Contains(name))) is not { } route)
        {
            return ListAsync(context);
        }
        bool generates = route.Action is "infer" or "generate" or "generate_stream";
        ServedModel model = generates
            ? ModelLookup.Select(repository, route.Model, route.Version, Caller.Of(context))
            : ModelLookup.Find(repository, route.Model, route.Version);
        string[] methods = route.Action switch
        {
            ModelRoute.Metadata or "ready" or "config" or "stats" => Read,
            ModelRoute.TraceSetting => ReadWrite,
            _ => ["POST"],
        };
        if (!Takes(context, methods))
        {
            return Task.CompletedTask;
        }
        if (generates && repository.Route(route.Model) is not null)
        {
            context.Response.Headers[Caller.Header] = model.Name;
        }
        return route.Action switch
        {
            ModelRoute.Metadata => MetadataAsync(context, route.Model, ModelDescription.Of(model)),
            "ready" => ModelReadyAsync(context, route.Model, model),
            "config" => ModelManagement.ConfigAsync(context, route.Model, ModelDescription.Of(model)),
            "stats" => ModelManagement.StatisticsAsync(context, [(route.Model, model)]),
            ModelRoute.TraceSetting => ModelManagement.SettingsAsync(context, Traces(context)),
            "infer" when model is TensorModel tensors => Statistics(context).Of(model).MeasureAsync(
                watch => InferAsync(context, route.Model, tensors, watch), context.RequestAborted),
            "infer" => MeasureAsync(context, Text(), (engine, watch) => InferAsync(context, route.Model, engine, watch)),
            "generate" => MeasureAsync(context, Text(), (engine, watch) => GenerateEndpoint.GenerateAsync(context, engine, route.Model, watch)),
            "generate_stream" => GenerateEndpoint.WithErrorEventAsync(context, () => MeasureAsync(
                context, Text(), (engine, watch) => GenerateEndpoint.StreamAsync(context, engine, route.Model, watch), text => ServerSentEvents.CommentAsync(context, text))),
            _ => throw new InvalidOperationException($"an action without a handler: {route.Action}"),
        };
        LanguageModel Text() => ModelLookup.TextOf(model);
    }

    private static InferenceStatistics Statistics(HttpContext context) => context.RequestServices.GetRequiredService<InferenceStatistics>();

    /// <param name="tell">Told of the loading while the request waits for it; null = nothing may be written before the answer.</param>
    private static async Task MeasureAsync(HttpContext context, LanguageModel model, Func<ILlmEngine, InferenceWatch, Task> serve, Func<string, Task>? tell = null)
    {
        await context.RequestServices.GetRequiredService<LoadQueue>().WaitAsync(model, tell, context.RequestAborted).ConfigureAwait(false);
        ILlmEngine engine = model.Engine;
        if (!context.Response.HasStarted)
        {
            LoadMetricsHeader.Prepare(context, engine);
        }
        await Statistics(context).Of(model).MeasureAsync(watch => serve(engine, watch), context.RequestAborted).ConfigureAwait(false);
    }

    private static Task AllStatisticsAsync(HttpContext context)
    {
        ModelRepository repository = Repository(context);
        if (repository.Models.Any(model => model.Names.Contains("stats")))
        {
            return DispatchAsync(context); // a model of that name has the path
        }
        return Takes(context, Read)
            ? ModelManagement.StatisticsAsync(context, repository.Listed.Select(model => (model.Name, model)))
            : Task.CompletedTask;
    }

    // False: the answer is 405, whose body the error middleware writes.
    private static bool Takes(HttpContext context, string[] methods)
    {
        if (methods.Contains(context.Request.Method))
        {
            return true;
        }
        context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
        context.Response.Headers.Allow = string.Join(", ", methods);
        return false;
    }

    private static Task SharedMemoryAsync(HttpContext context) => throw new RequestException(
        EngineErrorCode.Unsupported, "This server shares no memory with its clients; send the tensors in the request.");

    private static Task MetadataAsync(HttpContext context, string name, ModelDescription description) => JsonReply.WriteAsync(
        context, writer => InferJsonWriter.WriteMetadata(writer, name, description));

    private static Task ModelReadyAsync(HttpContext context, string name, ServedModel model)
    {
        HealthReport health = model.Health.Current;
        context.Response.StatusCode = health.Ready ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        return JsonReply.WriteAsync(context, writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("name", name);
            writer.WriteBoolean("ready", health.Ready);
            if (!health.Ready)
            {
                writer.WriteString("error", $"not ready: {ServedModel.Describe(health)}");
            }
            writer.WriteEndObject();
        });
    }

    private static async Task InferAsync(HttpContext context, string name, TensorModel model, InferenceWatch watch)
    {
        (InferRequest request, BinaryOutputs binary) = await RestBody.ReadInferAsync(context).ConfigureAwait(false);
        IReadOnlyList<InferTensor> outputs = model.RespondOnce(request, watch);
        await InferReply.WriteAsync(context, new InferResponse(name, TextModel.Version, request.Id ?? Guid.NewGuid().ToString(), outputs), binary).ConfigureAwait(false);
    }

    private static async Task InferAsync(HttpContext context, string name, ILlmEngine engine, InferenceWatch watch)
    {
        (InferRequest request, BinaryOutputs binary) = await RestBody.ReadInferAsync(context).ConfigureAwait(false);
        TextGeneration generation = InferMapper.Map(request, engine.Model, context.TraceIdentifier);
        watch.Generating(generation.Requests.Count);
        IReadOnlyList<GeneratedPrompt> prompts =
            await TextGenerator.RunAsync(engine, generation.Requests, context.RequestAborted).ConfigureAwait(false);
        watch.Answering(GeneratedPrompt.LongestWait(prompts));
        var response = new InferResponse(
            name, TextModel.Version, request.Id ?? Guid.NewGuid().ToString(), InferAssembler.Assemble(generation, prompts));
        await InferReply.WriteAsync(context, response, binary).ConfigureAwait(false);
    }
}
