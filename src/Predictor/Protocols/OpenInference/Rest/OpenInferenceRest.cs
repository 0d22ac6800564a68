using KServePaged.Engine;
using KServePaged.Predictor.Hosting;
using KServePaged.Predictor.Security;
using KServePaged.Predictor.Transport;
using Microsoft.AspNetCore.Http.Features;

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
    }

    private static EngineHost Host(HttpContext context) => context.RequestServices.GetRequiredService<EngineHost>();

    private static Task ServerMetadataAsync(HttpContext context) => JsonReply.WriteAsync(context, writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("name", ProductInfo.Name);
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
        foreach (string name in Host(context).Models.SelectMany(model => model.Names))
        {
            writer.WriteStringValue(name);
        }
        writer.WriteEndArray();
        writer.WriteEndObject();
    });

    private static Task LiveAsync(HttpContext context)
    {
        HealthReport? dead = Host(context).Models.Select(model => model.Health.Current).FirstOrDefault(health => !health.Live);
        return HealthAsync(context, dead, "live");
    }

    private static Task ReadyAsync(HttpContext context)
    {
        HealthReport? unready = Host(context).Models.Select(model => model.Health.Current).FirstOrDefault(health => !health.Ready);
        return HealthAsync(context, unready, "ready");
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
        EngineHost host = Host(context);
        if (ModelRoute.Parse(PathOf(context), name => host.Models.Any(model => model.Names.Contains(name))) is not { } route)
        {
            return ListAsync(context);
        }
        ServedModel model = ModelLookup.Find(host, route.Model, route.Version);
        bool reads = route.Action is ModelRoute.Metadata or "ready";
        if (reads ? !Read.Contains(context.Request.Method) : !HttpMethods.IsPost(context.Request.Method))
        {
            context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            context.Response.Headers.Allow = reads ? "GET, HEAD" : "POST";
            return Task.CompletedTask; // the error middleware writes the body
        }
        return route.Action switch
        {
            ModelRoute.Metadata => MetadataAsync(context, route.Model, model.LoadedEngine ?? model.Engine),
            "ready" => ModelReadyAsync(context, route.Model, model),
            "infer" => InferAsync(context, route.Model, model.Engine),
            "generate" => GenerateEndpoint.GenerateAsync(context, model.Engine, route.Model),
            "generate_stream" => GenerateEndpoint.StreamAsync(context, model.Engine, route.Model),
            _ => throw new InvalidOperationException($"an action without a handler: {route.Action}"),
        };
    }

    private static Task MetadataAsync(HttpContext context, string name, ILlmEngine engine) => JsonReply.WriteAsync(
        context, writer => InferJsonWriter.WriteMetadata(writer, name, engine.Model.HasTokenizer, engine.Model.HasChatTemplate));

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

    private static async Task InferAsync(HttpContext context, string name, ILlmEngine engine)
    {
        (InferRequest request, BinaryOutputs binary) = await RestBody.ReadInferAsync(context).ConfigureAwait(false);
        TextGeneration generation = InferMapper.Map(request, engine.Model, context.TraceIdentifier);
        IReadOnlyList<GeneratedPrompt> prompts =
            await TextGenerator.RunAsync(engine, generation.Requests, context.RequestAborted).ConfigureAwait(false);
        var response = new InferResponse(
            name, TextModel.Version, request.Id ?? Guid.NewGuid().ToString(), InferAssembler.Assemble(generation, prompts));
        await InferReply.WriteAsync(context, response, binary).ConfigureAwait(false);
    }

    // The raw target, because the decoded path no longer tells %2F from %252F.
    private static string PathOf(HttpContext context)
    {
        string target = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        int query = target.IndexOf('?', StringComparison.Ordinal);
        string path = query < 0 ? target : target[..query];
        int start = path.IndexOf(Models, StringComparison.OrdinalIgnoreCase);
        return start < 0 ? "" : path[(start + Models.Length)..];
    }
}
