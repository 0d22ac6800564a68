using System.Text.Json;
using KServePaged.Engine;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Errors;
using KServePaged.Predictor.Generation;
using KServePaged.Predictor.Hosting;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenInference.Rest;

/// <summary>Triton's and the protocol's generate and generate_stream: one prompt in, text out.</summary>
internal static class GenerateEndpoint
{
    public static async Task GenerateAsync(HttpContext context, ILlmEngine engine, string model, InferenceWatch watch)
    {
        JsonElement body = await RestBody.ReadAsync(context).ConfigureAwait(false);
        (TextGeneration generation, string id) = GenerateJson.Read(body, context.TraceIdentifier);
        if (generation.Options.Stream == true)
        {
            throw JsonFields.Invalid("'stream' is true: use generate_stream.", "stream");
        }
        watch.Generating(generation.Requests.Count);
        GeneratedPrompt prompt = (await TextGenerator.RunAsync(engine, generation.Requests, context.RequestAborted).ConfigureAwait(false))[0];
        watch.Answering(prompt.QueueTime);
        GeneratedText output = prompt.Outputs[0];
        string text = generation.Options.ExcludeInput ? output.Text : prompt.PromptText + output.Text;
        await JsonReply.WriteAsync(context, writer => GenerateJson.Write(
            writer, model, id, text, prompt, output.Logprobs, generation, isStream: false, token => IsSpecial(engine.Text, token))).ConfigureAwait(false);
    }

    /// <summary>One event for each piece of text; the connection's end closes the stream. A refusal comes before the first event, with its status.</summary>
    public static async Task StreamAsync(HttpContext context, ILlmEngine engine, string model, InferenceWatch watch)
    {
        JsonElement body = await RestBody.ReadAsync(context).ConfigureAwait(false);
        (TextGeneration generation, string id) = GenerateJson.Read(body, context.TraceIdentifier);
        watch.Generating(generation.Requests.Count);
        using var events = new ServerSentEvents(context);
        if (generation.Options.Stream == false)
        {
            await WholeAsync(context, engine, model, generation, id, events, watch).ConfigureAwait(false);
        }
        else
        {
            await StreamAsync(context, engine, model, generation, id, events, watch).ConfigureAwait(false);
        }
    }

    /// <summary>Turns what fails after the first event into a last event: the status is out by then.</summary>
    public static async Task WithErrorEventAsync(HttpContext context, Func<Task> stream)
    {
        try
        {
            await stream().ConfigureAwait(false);
        }
        catch (RequestException failure) when (context.Response.HasStarted)
        {
            using var events = new ServerSentEvents(context);
            await events.WriteAsync(writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("error", ErrorReply.From(failure).Message);
                writer.WriteEndObject();
            }).ConfigureAwait(false);
        }
    }

    private static async Task StreamAsync(
        HttpContext context, ILlmEngine engine, string model, TextGeneration generation, string id, ServerSentEvents events, InferenceWatch watch)
    {
        var output = new GeneratedText();
        GeneratedPrompt prompt = new("", 0, [output]);
        List<TokenLogprob> held = [];
        bool isFirst = true;
        await foreach (GenerationDelta delta in engine.GenerateAsync(generation.Requests[0], context.RequestAborted).ConfigureAwait(false))
        {
            if (delta.IsStart)
            {
                prompt = new GeneratedPrompt(delta.PromptText ?? "", delta.Usage.PromptTokens, [output]);
                await events.StartAsync().ConfigureAwait(false);
                continue;
            }
            watch.Queued(delta.QueueTime);
            output.Add(delta);
            held.AddRange(delta.Logprobs);
            if (delta.Text.Length == 0 && delta.FinishReason is null)
            {
                continue; // nothing to show yet: the tokens are reported with the text they become
            }
            string text = generation.Options.ExcludeInput || !isFirst ? delta.Text : prompt.PromptText + delta.Text;
            await events.WriteAsync(writer => GenerateJson.Write(
                writer, model, id, text, prompt, held, generation, isStream: true, token => IsSpecial(engine.Text, token))).ConfigureAwait(false);
            isFirst = false;
            held.Clear();
        }
    }

    private static async Task WholeAsync(
        HttpContext context, ILlmEngine engine, string model, TextGeneration generation, string id, ServerSentEvents events, InferenceWatch watch)
    {
        GeneratedPrompt prompt = (await TextGenerator.RunAsync(engine, generation.Requests, context.RequestAborted).ConfigureAwait(false))[0];
        watch.Answering(prompt.QueueTime);
        GeneratedText output = prompt.Outputs[0];
        string text = generation.Options.ExcludeInput ? output.Text : prompt.PromptText + output.Text;
        await events.StartAsync().ConfigureAwait(false);
        await events.WriteAsync(writer => GenerateJson.Write(
            writer, model, id, text, prompt, output.Logprobs, generation, isStream: true, token => IsSpecial(engine.Text, token))).ConfigureAwait(false);
    }

    private static bool IsSpecial(ITextCodec text, int token) =>
        text.TokenOf(token) is not null && text.Decode([token], skipSpecialTokens: true).Length == 0 && text.Decode([token], skipSpecialTokens: false).Length > 0;
}
