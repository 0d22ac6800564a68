using KServePaged.Engine;
using KServePaged.Predictor.Configuration;
using KServePaged.Predictor.Errors;
using KServePaged.Predictor.Generation;
using KServePaged.Predictor.Hosting;
using KServePaged.Predictor.Protocols.KServeV1.CloudEvents;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.KServeV1;

/// <summary>
/// KServe's first protocol: POST /v1/models/{model}:predict, plain or as a CloudEvent. Its GET routes are those of OpenAI's listing, which
/// answers for both.
/// </summary>
internal static class KServeV1Endpoints
{
    public static void MapKServeV1(this IEndpointRouteBuilder routes) => routes.MapPost(VerbPath.Models + "{**path}", DispatchAsync);

    private static Task DispatchAsync(HttpContext context)
    {
        if (VerbPath.Parse(VerbPath.Models + Uri.UnescapeDataString(RawPath.Below(context, VerbPath.Models))) is not { } path)
        {
            context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed; // without a verb it is a model, which one reads
            context.Response.Headers.Allow = HttpMethods.Get;
            return Task.CompletedTask;
        }
        LanguageModel model = Service<ModelRepository>(context).SelectLanguageModel(context, path.Model);
        if (path.Verb == VerbPath.Explain)
        {
            return Service<ErrorWriter>(context).WriteAsync(
                context, ErrorReply.FromHttp(StatusCodes.Status501NotImplemented, $"The model '{path.Model}' has no explainer."));
        }
        return PredictAsync(context, path.Model, model);
    }

    private static async Task PredictAsync(HttpContext context, string name, LanguageModel model)
    {
        await Service<LoadQueue>(context).WaitAsync(model, tell: null, context.RequestAborted).ConfigureAwait(false);
        ILlmEngine engine = model.Engine;
        LoadMetricsHeader.Prepare(context, engine);
        await Service<InferenceStatistics>(context).Of(model).MeasureAsync(
            watch => PredictAsync(context, name, engine, watch), context.RequestAborted).ConfigureAwait(false);
    }

    private static async Task PredictAsync(HttpContext context, string name, ILlmEngine engine, InferenceWatch watch)
    {
        ReadOnlyMemory<byte> body = await RequestBody.ReadAsync(context).ConfigureAwait(false);
        context.Features.Get<IBodyTape>()?.Asked(body, context.Request.ContentType ?? "application/json");
        CloudEvent? asked = CloudEventReader.Read(context.Request.Headers, body);
        IReadOnlyList<Instance> instances = PredictJson.Read(asked?.Data ?? JsonBody.Parse(body), context.TraceIdentifier);
        watch.Generating(instances.Count);
        IReadOnlyList<GeneratedPrompt> prompts = await TextGenerator.RunAsync(
            engine, [.. instances.Select(instance => instance.Generation)], context.RequestAborted).ConfigureAwait(false);
        watch.Answering(GeneratedPrompt.LongestWait(prompts));
        PredictJson.RefuseUnfinished(prompts);
        if (asked is null)
        {
            await JsonReply.WriteAsync(context, json => PredictJson.Write(json, instances, prompts)).ConfigureAwait(false);
            return;
        }
        IReadOnlyList<(string Name, string Value)> attributes = CloudEventReply.Attributes(
            asked, name, Service<ServerOptions>(context).CloudEvents, Service<TimeProvider>(context).GetUtcNow());
        await CloudEventReply.WriteAsync(context, asked.Mode, attributes, json => PredictJson.Write(json, instances, prompts)).ConfigureAwait(false);
    }

    private static T Service<T>(HttpContext context) where T : notnull => context.RequestServices.GetRequiredService<T>();
}
