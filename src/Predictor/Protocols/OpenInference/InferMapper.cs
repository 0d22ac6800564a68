using System.Text;
using System.Text.Json;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Generation;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenInference;

/// <summary>Infer tensors to generations. Knows the text contract (<see cref="TextModel"/>) and no transport.</summary>
internal static class InferMapper
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private const int MaxOutputs = 64;

    // Inputs that hold lists; every other option is one element.
    private static readonly string[] ListOptions = ["stop", "stop_token_ids"];

    /// <param name="deadline">The transport's own, if it has one.</param>
    /// <exception cref="RequestException">A tensor, parameter or output that the text contract does not have.</exception>
    public static TextGeneration Map(InferRequest request, ModelInfo model, string requestId, DateTimeOffset? deadline = null)
    {
        InferTensor prompt = SinglePrompt(request);
        GenerationOptions options = ReadOptions(request, prompt);
        IReadOnlyList<string> outputs = SelectOutputs(request, options, model);
        options = options.NeedingLogprobs(outputs.Contains(TextModel.Logprobs) || outputs.Contains(TextModel.CumulativeLogprob));
        (List<Prompt> prompts, bool isBatch) = ReadPrompts(prompt, options);
        return new TextGeneration(options.RequestsFor(prompts, requestId, deadline), isBatch, options, outputs);
    }

    private static InferTensor SinglePrompt(InferRequest request)
    {
        InferTensor? duplicate = request.Inputs.GroupBy(input => input.Name).FirstOrDefault(group => group.Count() > 1)?.First();
        if (duplicate is not null)
        {
            throw JsonFields.Invalid($"input '{duplicate.Name}' is given more than once.", duplicate.Name);
        }
        InferTensor[] prompts = [.. request.Inputs.Where(input => TextModel.Prompts.Contains(input.Name))];
        return prompts.Length == 1
            ? prompts[0]
            : throw JsonFields.Invalid($"exactly one of the inputs {string.Join(", ", TextModel.Prompts)} is needed, not {prompts.Length}.", "inputs");
    }

    private static GenerationOptions ReadOptions(InferRequest request, InferTensor prompt)
    {
        var named = new HashSet<string>();
        var options = new GenerationOptions();
        foreach (InferTensor input in request.Inputs.Where(input => input != prompt))
        {
            if (!named.Add(ForeignParameters.Own(input.Name)))
            {
                throw JsonFields.Invalid($"'{input.Name}' is given more than once.", input.Name);
            }
            options = options.With(new OptionValue(input.Name, OptionElement(input)));
        }
        foreach ((string name, JsonElement value) in request.Parameters)
        {
            if (!named.Add(ForeignParameters.Own(name)))
            {
                throw JsonFields.Invalid($"'{name}' is given more than once.", name);
            }
            options = options.WithParameter(new OptionValue(name, value));
        }
        return options.Details ? throw JsonFields.Invalid("'details' belongs to generate; infer answers with tensors.", "details") : options;
    }

    private static JsonElement OptionElement(InferTensor input)
    {
        bool list = ListOptions.Contains(ForeignParameters.Own(input.Name));
        if (!list && input.Count != 1)
        {
            throw JsonFields.Invalid($"input '{input.Name}' must have exactly one element, not {input.Count}.", input.Name);
        }
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            if (list)
            {
                writer.WriteStartArray();
            }
            for (int i = 0; i < input.Count; i++)
            {
                if (input.Datatype == Datatype.Bytes)
                {
                    writer.WriteStringValue(TextAt(input, i));
                }
                else
                {
                    TensorJson.WriteElement(writer, input, i);
                }
            }
            if (list)
            {
                writer.WriteEndArray();
            }
        }
        using JsonDocument document = JsonDocument.Parse(buffer.ToArray());
        return document.RootElement.Clone();
    }

    private static (List<Prompt> Prompts, bool IsBatch) ReadPrompts(InferTensor input, GenerationOptions options)
    {
        if (input.Name == TextModel.InputIds)
        {
            return ReadIds(input);
        }
        if (input.Datatype != Datatype.Bytes || input.Count == 0)
        {
            throw JsonFields.Invalid($"input '{input.Name}' must be BYTES with at least one element.", input.Name);
        }
        List<Prompt> prompts =
        [
            .. Enumerable.Range(0, input.Count).Select(i => TextAt(input, i)).Select(text => input.Name == TextModel.TextInput
                ? (Prompt)new Prompt.Text(text, options.AddSpecialTokens)
                : options.ChatOf(new OptionValue(TextModel.Messages, JsonFields.ParseText(text, input.Name)).Structure(JsonValueKind.Array))),
        ];
        return (prompts, prompts.Count > 1 || input.Shape.Count > 1);
    }

    private static (List<Prompt> Prompts, bool IsBatch) ReadIds(InferTensor input)
    {
        if (input.Shape.Count is not (1 or 2) || input.Count == 0)
        {
            throw JsonFields.Invalid("input 'input_ids' must have the shape [tokens] or [batch, tokens] with at least one token.", input.Name);
        }
        int[] ids = new int[input.Count];
        for (int i = 0; i < ids.Length; i++)
        {
            ids[i] = input.IntegerAt(i) is long id and >= 0 and <= int.MaxValue
                ? (int)id
                : throw JsonFields.Invalid($"input 'input_ids': element {i} is no token id.", input.Name);
        }
        int length = (int)input.Shape[^1];
        return ([.. ids.Chunk(length).Select(chunk => new Prompt.TokenIds(chunk))], input.Shape.Count == 2);
    }

    private static IReadOnlyList<string> SelectOutputs(InferRequest request, GenerationOptions options, ModelInfo model)
    {
        string[] known = [.. TextModel.Outputs(model.HasTokenizer).Select(output => output.Name)];
        foreach (string name in request.Outputs.Concat(options.Returned.Keys).Where(name => !known.Contains(name)))
        {
            throw JsonFields.Invalid($"output '{name}' is none of {string.Join(", ", known)}.", "outputs");
        }
        if (request.Outputs.Count > 0)
        {
            // Named twice is given twice, as KServe's server does; the limit keeps a small request from having a huge answer.
            return request.Outputs.Count <= MaxOutputs
                ? request.Outputs
                : throw JsonFields.Invalid($"'outputs' has {request.Outputs.Count} entries, at most {MaxOutputs} are allowed.", "outputs");
        }
        bool scored = options.Sampling.TopLogprobs is not null;
        return
        [
            .. known.Where(name => options.Returned.TryGetValue(name, out bool wanted)
                ? wanted
                : scored || name is not (TextModel.Logprobs or TextModel.CumulativeLogprob)),
        ];
    }

    private static string TextAt(InferTensor input, int index)
    {
        try
        {
            return StrictUtf8.GetString(input.Strings[index].Span);
        }
        catch (DecoderFallbackException exception)
        {
            throw new RequestException(
                EngineErrorCode.InvalidArgument, $"input '{input.Name}': element {index} is not valid UTF-8.", input.Name, exception);
        }
    }
}
