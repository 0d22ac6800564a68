using System.Text.Json;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Hosting;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenAI;

/// <summary>The answer of /completions, whole or as events.</summary>
internal sealed class CompletionAnswer(HttpContext context, CompletionCall call, AnswerHead head, GenerationBatch batch)
    : StreamedAnswer(context, call.Options, head, batch)
{
    private readonly int[] _offsets = new int[batch.Starts.Count * call.Options.OutputCount];

    /// <summary>Writes the JSON object of a call that does not stream.</summary>
    public void WriteWhole(Utf8JsonWriter json, CollectedOutput[][] outputs, Usage usage, bool usageDetails)
    {
        Head.Begin(json);
        json.WriteStartArray("choices");
        for (int prompt = 0; prompt < outputs.Length; prompt++)
        {
            for (int output = 0; output < outputs[prompt].Length; output++)
            {
                WriteWholeChoice(json, (prompt * Options.OutputCount) + output, Batch.Starts[prompt], outputs[prompt][output]);
            }
        }
        json.WriteEndArray();
        json.WriteNull("service_tier");
        json.WriteString("system_fingerprint", Head.Fingerprint);
        AnswerParts.WriteUsage(json, usage, usageDetails);
        json.WriteEndObject();
    }

    protected override Task BeginAsync(ServerSentEvents events) => Task.CompletedTask;

    protected override void WriteChoice(Utf8JsonWriter json, int prompt, int choice, GenerationDelta delta, bool isFirst)
    {
        GenerationDelta start = Batch.Starts[prompt];
        bool echo = isFirst && call.Echo;
        json.WriteStartObject();
        json.WriteNumber("index", choice);
        json.WriteString("text", echo ? start.PromptText + delta.Text : delta.Text);
        WriteLogprobs(json, choice, echo ? Echoed(start, delta.Logprobs) : delta.Logprobs);
        AnswerParts.WriteFinish(json, delta);
        AnswerParts.WriteIds(json, "prompt_token_ids", isFirst && Options.ReturnTokenIds ? start.PromptTokenIds : null);
        AnswerParts.WriteIds(json, "token_ids", Options.ReturnTokenIds ? delta.TokenIds : null);
        json.WriteEndObject();
    }

    private void WriteWholeChoice(Utf8JsonWriter json, int choice, GenerationDelta start, CollectedOutput output)
    {
        json.WriteStartObject();
        json.WriteNumber("index", choice);
        json.WriteString("text", call.Echo ? start.PromptText + output.Text : output.Text);
        WriteLogprobs(json, choice, call.Echo ? Echoed(start, output.Logprobs) : output.Logprobs);
        AnswerParts.WriteFinish(json, output.Last);
        AnswerParts.WriteIds(json, "token_ids", Options.ReturnTokenIds ? output.TokenIds : null);
        AnswerParts.WritePromptLogprobs(json, start.PromptLogprobs);
        AnswerParts.WriteIds(json, "prompt_token_ids", Options.ReturnTokenIds ? start.PromptTokenIds : null);
        json.WriteEndObject();
    }

    private void WriteLogprobs(Utf8JsonWriter json, int choice, IReadOnlyList<TokenLogprob> tokens)
    {
        if (Options.Sampling.TopLogprobs is null)
        {
            json.WriteNull("logprobs");
            return;
        }
        _offsets[choice] = CompletionLogprobs.Write(json, tokens, _offsets[choice], Options.TokensAsIds);
    }

    private static IReadOnlyList<TokenLogprob> Echoed(GenerationDelta start, IReadOnlyList<TokenLogprob> tokens) => [.. start.PromptLogprobs ?? [], .. tokens];
}
