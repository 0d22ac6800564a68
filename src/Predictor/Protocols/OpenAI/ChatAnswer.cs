using System.Text.Json;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Hosting;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenAI;

/// <summary>The answer of /chat/completions, whole or as events.</summary>
internal sealed class ChatAnswer(HttpContext context, ChatCall call, AnswerHead head, GenerationBatch batch)
    : StreamedAnswer(context, call.Options, head, batch)
{
    private GenerationDelta Start => Batch.Starts[0];

    /// <summary>Writes the JSON object of a call that does not stream.</summary>
    public void WriteWhole(Utf8JsonWriter json, CollectedOutput[] outputs, Usage usage, bool usageDetails)
    {
        Head.Begin(json);
        json.WriteStartArray("choices");
        for (int choice = 0; choice < outputs.Length; choice++)
        {
            CollectedOutput output = outputs[choice];
            json.WriteStartObject();
            json.WriteNumber("index", choice);
            json.WriteStartObject("message");
            json.WriteString("role", call.Role);
            json.WriteString("content", call.EchoText + output.Text);
            json.WriteNull("refusal");
            json.WriteEndObject();
            WriteLogprobs(json, output.Logprobs);
            AnswerParts.WriteFinish(json, output.Last);
            AnswerParts.WriteIds(json, "token_ids", Options.ReturnTokenIds ? output.TokenIds : null);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteNull("service_tier");
        json.WriteString("system_fingerprint", Head.Fingerprint);
        AnswerParts.WriteUsage(json, usage, usageDetails);
        AnswerParts.WritePromptLogprobs(json, Start.PromptLogprobs);
        WritePrompt(json);
        json.WriteEndObject();
    }

    /// <summary>The role of each choice, so that a client sees at once that its request was accepted; then the text that is continued.</summary>
    protected override async Task BeginAsync(ServerSentEvents events)
    {
        for (int choice = 0; choice < Options.OutputCount; choice++)
        {
            int index = choice;
            await WriteEventAsync(events, json => WriteDelta(json, index, call.Role, ""), Start.Usage, WritePrompt).ConfigureAwait(false);
        }
        for (int choice = 0; choice < Options.OutputCount && call.EchoText.Length > 0; choice++)
        {
            int index = choice;
            await WriteEventAsync(events, json => WriteDelta(json, index, null, call.EchoText), Start.Usage).ConfigureAwait(false);
        }
    }

    protected override void WriteChoice(Utf8JsonWriter json, int prompt, int choice, GenerationDelta delta, bool isFirst)
    {
        json.WriteStartObject();
        json.WriteNumber("index", choice);
        json.WriteStartObject("delta");
        if (delta.Text.Length > 0 || delta.FinishReason is null)
        {
            json.WriteString("content", delta.Text);
        }
        json.WriteEndObject();
        WriteLogprobs(json, delta.Logprobs);
        if (delta.FinishReason is null)
        {
            json.WriteNull("finish_reason");
        }
        else
        {
            AnswerParts.WriteFinish(json, delta);
        }
        AnswerParts.WriteIds(json, "token_ids", Options.ReturnTokenIds ? delta.TokenIds : null);
        json.WriteEndObject();
    }

    private static void WriteDelta(Utf8JsonWriter json, int choice, string? role, string content)
    {
        json.WriteStartObject();
        json.WriteNumber("index", choice);
        json.WriteStartObject("delta");
        if (role is not null)
        {
            json.WriteString("role", role);
        }
        json.WriteString("content", content);
        json.WriteEndObject();
        json.WriteNull("logprobs");
        json.WriteNull("finish_reason");
        json.WriteEndObject();
    }

    private void WritePrompt(Utf8JsonWriter json)
    {
        AnswerParts.WriteIds(json, "prompt_token_ids", Options.ReturnTokenIds ? Start.PromptTokenIds : null);
        json.WriteString("prompt_text", call.ReturnPromptText ? Start.PromptText : null);
    }

    private void WriteLogprobs(Utf8JsonWriter json, IReadOnlyList<TokenLogprob> tokens)
    {
        if (Options.Sampling.TopLogprobs is null)
        {
            json.WriteNull("logprobs");
            return;
        }
        json.WriteStartObject("logprobs");
        json.WriteStartArray("content");
        foreach (TokenLogprob token in tokens)
        {
            WriteToken(json, token, writeTop: true);
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private void WriteToken(Utf8JsonWriter json, TokenLogprob token, bool writeTop)
    {
        json.WriteStartObject();
        json.WriteString("token", AnswerParts.NameOf(token, Options.TokensAsIds));
        AnswerParts.WriteLogprob(json, "logprob", token.Logprob);
        json.WriteStartArray("bytes");
        foreach (byte value in token.Bytes.Span)
        {
            json.WriteNumberValue(value);
        }
        json.WriteEndArray();
        if (writeTop)
        {
            json.WriteStartArray("top_logprobs");
            foreach (TokenLogprob other in token.Top)
            {
                WriteToken(json, other, writeTop: false);
            }
            json.WriteEndArray();
        }
        json.WriteEndObject();
    }
}
