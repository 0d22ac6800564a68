using System.Text.Json;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Generation;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.KServeV1;

/// <summary>
/// The bodies of predict: <c>instances</c> in, <c>predictions</c> out, one for one. A prediction is a string, as KServe's own text models
/// answer; it is an object when <c>details</c>, <c>logprobs</c> or a <c>return_…</c> flag ask for more, and a list when <c>n</c> does.
/// </summary>
internal static class PredictJson
{
    private const string Instances = "instances";
    private const string Inputs = "inputs"; // KServe's server takes this name for the same list
    private const string Parameters = "parameters";
    private const string Messages = "messages";
    private const string InputIds = "input_ids";

    private const string FinishReasonName = "finish_reason";
    private const string InputTokens = "num_input_tokens";
    private const string OutputTokens = "num_output_tokens";
    private const string CumulativeLogprob = "cumulative_logprob";
    private const string Logprobs = "logprobs";

    private static readonly string[] Texts = ["text", "prompt", "text_input"];
    private static readonly string[] Prompts = [.. Texts, Messages, InputIds];
    private static readonly string[] Members = [FinishReasonName, InputTokens, OutputTokens, CumulativeLogprob, Logprobs];

    /// <exception cref="RequestException">The body is no predict request, or has an option that does not exist.</exception>
    public static IReadOnlyList<Instance> Read(JsonElement body, string requestId)
    {
        JsonFields.RequireObject(body, "the request body");
        JsonFields.RefuseUnknown(body, [Instances, Inputs, Parameters], "the request body");
        JsonElement list = ReadList(body);
        GenerationOptions shared = new GenerationOptions().WithAll(JsonFields.Parameters(body, Parameters));
        var instances = new List<Instance>(list.GetArrayLength());
        foreach (JsonElement element in list.EnumerateArray())
        {
            string id = list.GetArrayLength() == 1 ? requestId : $"{requestId}-{instances.Count}";
            instances.Add(ReadInstance(element, shared, id, $"instances[{instances.Count}]"));
        }
        return instances;
    }

    /// <exception cref="RequestException">An output was cut off: a string alone could not tell it from a whole one.</exception>
    public static void RefuseUnfinished(IReadOnlyList<GeneratedPrompt> prompts)
    {
        foreach (GeneratedText output in prompts.SelectMany(prompt => prompt.Outputs))
        {
            switch (output.FinishReason)
            {
                case FinishReason.Abort:
                    throw new RequestException(EngineErrorCode.Draining, "This server is shutting down and has cut the generation off; try again.");
                case FinishReason.Error:
                    throw new RequestException(EngineErrorCode.Internal, "The engine failed while it generated this answer.");
                default:
                    break;
            }
        }
    }

    public static void Write(Utf8JsonWriter json, IReadOnlyList<Instance> instances, IReadOnlyList<GeneratedPrompt> prompts)
    {
        json.WriteStartObject();
        json.WriteStartArray("predictions");
        foreach ((Instance instance, GeneratedPrompt prompt) in instances.Zip(prompts))
        {
            if (instance.Generation.OutputCount == 1)
            {
                WriteOutput(json, instance, prompt, prompt.Outputs[0]);
                continue;
            }
            json.WriteStartArray();
            foreach (GeneratedText output in prompt.Outputs)
            {
                WriteOutput(json, instance, prompt, output);
            }
            json.WriteEndArray();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static JsonElement ReadList(JsonElement body)
    {
        bool hasInstances = body.TryGetProperty(Instances, out JsonElement instances);
        bool hasInputs = body.TryGetProperty(Inputs, out JsonElement inputs);
        if (hasInstances == hasInputs)
        {
            throw JsonFields.Invalid(
                hasInputs ? "'instances' and 'inputs' are two names of the same list: send one." : "'instances' is missing: the list of what to predict for.", Instances);
        }
        JsonElement list = hasInstances ? instances : inputs;
        return list.ValueKind == JsonValueKind.Array && list.GetArrayLength() > 0
            ? list
            : throw JsonFields.Invalid($"'{(hasInstances ? Instances : Inputs)}' must be a list with at least one element.", Instances);
    }

    private static Instance ReadInstance(JsonElement element, GenerationOptions shared, string id, string place)
    {
        try
        {
            GenerationOptions options = element.ValueKind == JsonValueKind.Object
                ? element.EnumerateObject().Where(property => !Prompts.Contains(property.Name) && property.Value.ValueKind != JsonValueKind.Null)
                    .Aggregate(shared, (seen, property) => seen.With(new OptionValue(property.Name, property.Value)))
                : shared;
            if (options.Stream == true)
            {
                throw JsonFields.Invalid("'stream' is true: this protocol has whole predictions only; generate_stream and chat completions stream.", "stream");
            }
            IReadOnlyList<string>? members = SelectMembers(options);
            options = options.NeedingLogprobs(members?.Any(name => name is Logprobs or CumulativeLogprob) == true);
            return new Instance(options.RequestsFor([ReadPrompt(element, options)], id)[0], options.ExcludeInput, members);
        }
        catch (RequestException refusal)
        {
            throw new RequestException(refusal.Code, $"{place}: {refusal.Message}", refusal.Parameter, refusal);
        }
    }

    private static Prompt ReadPrompt(JsonElement element, GenerationOptions options)
    {
        if (element.ValueKind == JsonValueKind.String)
        {
            return new Prompt.Text(JsonFields.StringOf(element, Instances), options.AddSpecialTokens);
        }
        if (element.ValueKind != JsonValueKind.Object)
        {
            throw JsonFields.Invalid($"an instance is a string, or an object with one of {string.Join(", ", Prompts)}.", Instances);
        }
        JsonProperty[] given = [.. element.EnumerateObject().Where(property => Prompts.Contains(property.Name) && property.Value.ValueKind != JsonValueKind.Null)];
        if (given.Length != 1)
        {
            throw JsonFields.Invalid($"exactly one of {string.Join(", ", Prompts)} is needed, not {given.Length}.", Instances);
        }
        var value = new OptionValue(given[0].Name, given[0].Value);
        return value.Name switch
        {
            Messages => options.ChatOf(value.Structure(JsonValueKind.Array)),
            InputIds => new Prompt.TokenIds(value.Ids()),
            _ => new Prompt.Text(value.Text(), options.AddSpecialTokens),
        };
    }

    private static IReadOnlyList<string>? SelectMembers(GenerationOptions options)
    {
        bool scored = options.Sampling.TopLogprobs is not null;
        if (!options.Details && !scored && !options.Returned.Values.Contains(true))
        {
            return null;
        }
        return [.. Members.Where(name => options.Returned.TryGetValue(name, out bool wanted) ? wanted : scored || name is not (Logprobs or CumulativeLogprob))];
    }

    private static void WriteOutput(Utf8JsonWriter json, Instance instance, GeneratedPrompt prompt, GeneratedText output)
    {
        string text = instance.ExcludeInput ? output.Text : prompt.PromptText + output.Text;
        if (instance.Members is null)
        {
            json.WriteStringValue(text);
            return;
        }
        json.WriteStartObject();
        json.WriteString("text_output", text);
        foreach (string name in instance.Members)
        {
            WriteMember(json, name, prompt, output);
        }
        json.WriteEndObject();
    }

    private static void WriteMember(Utf8JsonWriter json, string name, GeneratedPrompt prompt, GeneratedText output)
    {
        switch (name)
        {
            case FinishReasonName:
                json.WriteString(name, output.FinishReason == FinishReason.Length ? "length" : "stop"); // the others are refused before
                break;
            case InputTokens:
                json.WriteNumber(name, prompt.PromptTokens);
                break;
            case OutputTokens:
                json.WriteNumber(name, output.TokenIds.Count);
                break;
            case CumulativeLogprob:
                json.WriteNumber(name, output.CumulativeLogprob);
                break;
            case Logprobs:
                json.WritePropertyName(name);
                TokenLogprobJson.Write(json, output.Logprobs);
                break;
            default:
                throw new InvalidOperationException($"No member of a prediction is called {name}.");
        }
    }
}
