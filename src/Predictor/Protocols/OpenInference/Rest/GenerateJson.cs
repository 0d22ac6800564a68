using System.Text.Json;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Generation;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenInference.Rest;

/// <summary>The bodies of generate and generate_stream: Triton's request style (any option at the top) and the protocol's (in parameters).</summary>
internal static class GenerateJson
{
    // What the protocol's generate description gives as default; a conversation runs to its end.
    private const int DefaultMaxTokens = 20;

    /// <exception cref="RequestException">The body is no generate request for one prompt.</exception>
    public static (TextGeneration Generation, string Id) Read(JsonElement body, string requestId)
    {
        JsonFields.RequireObject(body, "the request body");
        string id = JsonFields.Text(body, "id") ?? requestId;
        var options = new GenerationOptions().WithAll(Options(body));
        Prompt prompt = ReadPrompt(body, options);
        if (options.OutputCount != 1)
        {
            throw JsonFields.Invalid("'n' must be 1 on this route; infer returns several outputs.", "n");
        }
        if (prompt is not Prompt.Chat && options.Sampling.MaxTokens is null)
        {
            options = options with { Sampling = options.Sampling with { MaxTokens = DefaultMaxTokens } };
        }
        options = options.NeedingLogprobs(options.Details || options.Returned.Any(entry => entry.Value && NeedsLogprobs(entry.Key)));
        string[] outputs = [.. options.Returned.Where(entry => entry.Value).Select(entry => entry.Key)];
        return (new TextGeneration(options.RequestsFor([prompt], requestId), false, options, outputs), id);
    }

    /// <summary>One answer, or one event of a stream, in which <paramref name="text"/> and <paramref name="logprobs"/> are the event's own.</summary>
    public static void Write(
        Utf8JsonWriter writer, string model, string id, string text, GeneratedPrompt prompt, IReadOnlyList<TokenLogprob> logprobs,
        TextGeneration generation, bool isStream, Func<int, bool> isSpecial)
    {
        GeneratedText output = prompt.Outputs[0];
        writer.WriteStartObject();
        writer.WriteString("id", id);
        writer.WriteString("model_name", model);
        writer.WriteString("model_version", TextModel.Version);
        writer.WriteString("text_output", text);
        if (output.FinishReason is not null)
        {
            foreach (string name in generation.Outputs)
            {
                WriteOutput(writer, name, prompt, output);
            }
        }
        if (generation.Options.Details)
        {
            WriteDetails(writer, output, logprobs, isStream, isSpecial);
        }
        writer.WriteEndObject();
    }

    private static bool NeedsLogprobs(string output) => output is TextModel.Logprobs or TextModel.CumulativeLogprob;

    private static Dictionary<string, JsonElement> Options(JsonElement body)
    {
        var options = new Dictionary<string, JsonElement>();
        var seen = new HashSet<string>();
        foreach (JsonProperty property in body.EnumerateObject().Where(property => property.Name != "id" && !TextModel.Prompts.Contains(property.Name)))
        {
            if (property.Name != "parameters")
            {
                Add(options, seen, property);
                continue;
            }
            if (property.Value.ValueKind == JsonValueKind.Null)
            {
                continue;
            }
            JsonFields.RequireObject(property.Value, "'parameters'");
            foreach (JsonProperty inner in property.Value.EnumerateObject())
            {
                Add(options, seen, inner);
            }
        }
        return options;
    }

    private static void Add(Dictionary<string, JsonElement> options, HashSet<string> seen, JsonProperty property)
    {
        if (!seen.Add(ForeignParameters.Own(property.Name)))
        {
            throw JsonFields.Invalid($"'{property.Name}' is given more than once.", property.Name);
        }
        options[property.Name] = property.Value;
    }

    private static Prompt ReadPrompt(JsonElement body, GenerationOptions options)
    {
        JsonProperty[] prompts = [.. body.EnumerateObject()
            .Where(property => TextModel.Prompts.Contains(property.Name) && property.Value.ValueKind != JsonValueKind.Null)];
        if (prompts.Length != 1)
        {
            throw JsonFields.Invalid($"exactly one of {string.Join(", ", TextModel.Prompts)} is needed, not {prompts.Length}.", TextModel.TextInput);
        }
        var value = new OptionValue(prompts[0].Name, prompts[0].Value);
        return value.Name switch
        {
            TextModel.TextInput => new Prompt.Text(value.Text(), options.AddSpecialTokens),
            TextModel.Messages => options.ChatOf(value.Structure(JsonValueKind.Array).Clone()),
            _ => new Prompt.TokenIds(value.Ids()),
        };
    }

    private static void WriteOutput(Utf8JsonWriter writer, string name, GeneratedPrompt prompt, GeneratedText output)
    {
        switch (name)
        {
            case TextModel.FinishReason:
                writer.WriteString(name, InferAssembler.NameOf(output.FinishReason));
                break;
            case TextModel.CumulativeLogprob:
                writer.WriteNumber(name, output.CumulativeLogprob);
                break;
            case TextModel.Logprobs:
                writer.WriteString(name, InferAssembler.LogprobsJson(output.Logprobs));
                break;
            case TextModel.InputTokens:
                writer.WriteNumber(name, prompt.PromptTokens);
                break;
            case TextModel.OutputTokens:
                writer.WriteNumber(name, output.TokenIds.Count);
                break;
            default:
                throw new InvalidOperationException($"No flag returns {name}.");
        }
    }

    private static void WriteDetails(
        Utf8JsonWriter writer, GeneratedText output, IReadOnlyList<TokenLogprob> logprobs, bool isStream, Func<int, bool> isSpecial)
    {
        writer.WriteStartObject("details");
        if (output.FinishReason is FinishReason reason)
        {
            writer.WriteString("finish_reason", reason switch
            {
                FinishReason.Stop => output.StoppedByRequest ? "stop_sequence" : "eos_token",
                _ => InferAssembler.NameOf(reason),
            });
        }
        else
        {
            writer.WriteNull("finish_reason");
        }
        if (isStream && logprobs.Count == 1)
        {
            writer.WritePropertyName("token");
            WriteToken(writer, logprobs[0], isSpecial);
        }
        else
        {
            // Several tokens in one event (text was held back) are a list, as in the unary answer.
            writer.WriteStartArray("logprobs");
            foreach (TokenLogprob entry in logprobs)
            {
                WriteToken(writer, entry, isSpecial);
            }
            writer.WriteEndArray();
        }
        writer.WriteEndObject();
    }

    private static void WriteToken(Utf8JsonWriter writer, TokenLogprob entry, Func<int, bool> isSpecial)
    {
        writer.WriteStartObject();
        writer.WriteNumber("id", entry.TokenId);
        writer.WriteString("text", entry.Text);
        writer.WriteNumber("logprob", entry.Logprob ?? 0);
        writer.WriteBoolean("special", isSpecial(entry.TokenId));
        writer.WriteEndObject();
    }
}
