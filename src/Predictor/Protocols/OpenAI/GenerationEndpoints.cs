using System.Globalization;
using System.Text.Json;
using KServePaged.Engine;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Configuration;
using KServePaged.Predictor.Errors;
using KServePaged.Predictor.Hosting;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenAI;

/// <summary>POST completions and chat/completions: parse, generate, write.</summary>
internal static class GenerationEndpoints
{
    /// <summary>A stream that has been told of the loading has its status out: what is refused after that is an event.</summary>
    public static async Task AnswerAsync(HttpContext context, RequestDelegate endpoint)
    {
        try
        {
            await endpoint(context).ConfigureAwait(false);
        }
        catch (RequestException refusal) when (context.Response.HasStarted)
        {
            using var events = new ServerSentEvents(context);
            await events.WriteAsync(json => OpenAIErrorShape.Write(json, ErrorReply.From(refusal))).ConfigureAwait(false);
            await events.WriteDoneAsync().ConfigureAwait(false);
        }
    }

    public static async Task CompleteAsync(HttpContext context)
    {
        CompletionCall call = CompletionCall.Parse(await ReadAsync(context).ConfigureAwait(false));
        (LanguageModel model, string id) = await ResolveAsync(context, call.Options, "cmpl-").ConfigureAwait(false);
        await using GenerationBatch batch = await StartAsync(context, model.Engine, call.Options, id, call.Prompts).ConfigureAwait(false);
        var answer = new CompletionAnswer(context, call, Head(context, call.Options, model, id, "text_completion"), batch);
        if (call.Options.Stream)
        {
            await answer.WriteAsync().ConfigureAwait(false);
            return;
        }
        (CollectedOutput[][] outputs, Usage usage) = await CollectedOutput.CollectAsync(batch, call.Options.OutputCount).ConfigureAwait(false);
        await JsonReply.WriteAsync(context, json => answer.WriteWhole(json, outputs, usage, ShowsDetails(context))).ConfigureAwait(false);
    }

    public static async Task ChatAsync(HttpContext context)
    {
        ChatCall call = ChatCall.Parse(await ReadAsync(context).ConfigureAwait(false));
        (LanguageModel model, string id) = await ResolveAsync(context, call.Options, "chatcmpl-").ConfigureAwait(false);
        await using GenerationBatch batch = await StartAsync(context, model.Engine, call.Options, id, [call.Prompt]).ConfigureAwait(false);
        string kind = call.Options.Stream ? "chat.completion.chunk" : "chat.completion";
        var answer = new ChatAnswer(context, call, Head(context, call.Options, model, id, kind), batch);
        if (call.Options.Stream)
        {
            await answer.WriteAsync().ConfigureAwait(false);
            return;
        }
        (CollectedOutput[][] outputs, Usage usage) = await CollectedOutput.CollectAsync(batch, call.Options.OutputCount).ConfigureAwait(false);
        await JsonReply.WriteAsync(context, json => answer.WriteWhole(json, outputs[0], usage, ShowsDetails(context))).ConfigureAwait(false);
    }

    private static async Task<RequestFields> ReadAsync(HttpContext context)
    {
        JsonContentType.Require(context.Request);
        JsonElement body = await JsonBody.ReadAsync(context).ConfigureAwait(false);
        return new RequestFields(body);
    }

    private static async Task<(LanguageModel Model, string Id)> ResolveAsync(HttpContext context, CallOptions options, string prefix)
    {
        LanguageModel model = context.RequestServices.GetRequiredService<ModelRepository>().SelectLanguageModel(context, options.Model);
        await context.RequestServices.GetRequiredService<LoadQueue>().WaitAsync(
            model, options.Stream ? text => ServerSentEvents.CommentAsync(context, text) : null, context.RequestAborted).ConfigureAwait(false);
        return (model, prefix + (options.RequestId ?? context.TraceIdentifier));
    }

    private static AnswerHead Head(HttpContext context, CallOptions options, LanguageModel model, string id, string kind) => new(
        id, kind, Clock(context).GetUtcNow().ToUnixTimeSeconds(), context.RequestServices.GetRequiredService<ModelRepository>().PublicName(options.Model, model), model.Fingerprint);

    private static Task<GenerationBatch> StartAsync(HttpContext context, ILlmEngine engine, CallOptions options, string id, IReadOnlyList<Prompt> prompts)
    {
        DateTimeOffset arrived = Clock(context).GetUtcNow();
        GenerationRequest[] requests =
        [
            .. prompts.Select((prompt, i) => new GenerationRequest
            {
                RequestId = prompts.Count == 1 ? id : string.Create(CultureInfo.InvariantCulture, $"{id}-{i}"),
                Prompt = options.Truncation?.Apply(prompt, engine.Text, engine.Model.MaxModelLength) ?? prompt,
                Sampling = options.Sampling,
                OutputCount = options.OutputCount,
                ArrivedAt = arrived,
                CacheSalt = options.CacheSalt,
            }),
        ];
        return GenerationBatch.StartAsync(engine, requests, context.RequestAborted);
    }

    private static TimeProvider Clock(HttpContext context) => context.RequestServices.GetRequiredService<TimeProvider>();

    private static bool ShowsDetails(HttpContext context) => context.RequestServices.GetRequiredService<ServerOptions>().PromptTokensDetails;
}
