using KServePaged.Engine.Contracts;
using KServePaged.Engine.Models;
using KServePaged.Engine.Tokenization;

namespace KServePaged.Engine.Processing;

/// <summary>Turns a request into token ids and checked parameters. Whatever it lets through, the core can serve. Any thread.</summary>
/// <param name="codec">Text to ids.</param>
/// <param name="rules">Ranges and defaults of sampling.</param>
/// <param name="defaults">The model's limit of new tokens.</param>
/// <param name="maxModelLength">Longest prompt plus output.</param>
/// <param name="maxOutputs">Largest n.</param>
/// <param name="defaultSeed">For requests that name none; null draws one for each.</param>
internal sealed class InputProcessor(
    TextCodec codec, SamplingRules rules, GenerationDefaults defaults, int maxModelLength, int maxOutputs, long? defaultSeed)
{
    /// <exception cref="RequestException">The request is refused; the message names field, value and limit.</exception>
    public ProcessedRequest Process(GenerationRequest request)
    {
        if (request.OutputCount < 1 || request.OutputCount > maxOutputs)
        {
            throw Refusal("n", $"n must be 1 to {maxOutputs}, not {request.OutputCount}.");
        }
        SamplingParameters sampling = rules.Resolve(request.Sampling, request.OutputCount);
        bool hidesOutput = CheckMaxTokens(sampling);
        if (sampling.Stop.Count > 0 && codec.Tokenizer is null)
        {
            throw new RequestException(EngineErrorCode.Unsupported, "This model has no tokenizer, so it cannot look for stop strings; use stop_token_ids.", "stop");
        }
        (int[] ids, string? text) = Encode(request.Prompt);
        int room = maxModelLength - ids.Length;
        if (room < 1)
        {
            throw TooLong($"the prompt has {ids.Length} and leaves no room for output");
        }
        int maxNewTokens = hidesOutput ? 1 : Math.Min(Math.Min(sampling.MaxTokens ?? room, defaults.MaxNewTokens ?? room), room);
        if (sampling.MinTokens > maxNewTokens)
        {
            throw Refusal("min_tokens", $"min_tokens must be at most max_tokens ({maxNewTokens} here), not {sampling.MinTokens}.");
        }
        return new ProcessedRequest
        {
            PromptIds = ids,
            PromptText = text,
            Sampling = sampling,
            MaxNewTokens = maxNewTokens,
            HidesOutput = hidesOutput,
            OutputCount = request.OutputCount,
            Seed = unchecked((ulong)(sampling.Seed ?? defaultSeed ?? Random.Shared.NextInt64(long.MinValue, long.MaxValue))),
        };
    }

    /// <returns>True where no new token is to be shown.</returns>
    private bool CheckMaxTokens(SamplingParameters sampling)
    {
        if (sampling.MaxTokens is < 0)
        {
            throw Refusal("max_tokens", $"max_tokens must be at least 0, not {sampling.MaxTokens}.");
        }
        if (sampling.MaxTokens > maxModelLength)
        {
            throw Refusal("max_tokens", $"max_tokens must be at most the context of {maxModelLength} tokens, not {sampling.MaxTokens}.");
        }
        return sampling.MaxTokens == 0;
    }

    private (int[] Ids, string? Text) Encode(Prompt prompt)
    {
        switch (prompt)
        {
            case Prompt.TokenIds given:
                RefuseTooManyIds(given.Ids.Count);
                int[] ids = NotEmpty(codec.Check(given.Ids));
                return (ids, codec.Tokenizer?.Decode(ids, skipSpecialTokens: false));
            case Prompt.Text text:
                return Tokenize(text.Value, text.AddSpecialTokens);
            case Prompt.Chat chat:
                codec.Require();
                return Tokenize(codec.Render(chat), chat.AddSpecialTokens);
            default:
                throw new ArgumentOutOfRangeException(nameof(prompt));
        }
    }

    private (int[] Ids, string Text) Tokenize(string text, bool addSpecialTokens)
    {
        ITokenizer tokenizer = codec.Require();
        // What cannot fit is refused before it costs the time of tokenizing it.
        long mostCharacters = (long)maxModelLength * tokenizer.LongestTokenLength;
        if (text.Length > mostCharacters)
        {
            throw TooLong($"the prompt has {text.Length} characters, more than the {mostCharacters} that so many tokens can hold");
        }
        int[] ids = NotEmpty(tokenizer.Encode(text, addSpecialTokens));
        return (codec.Check(ids), text);
    }

    private void RefuseTooManyIds(int count)
    {
        if (count >= maxModelLength)
        {
            throw TooLong($"the prompt has {count} and leaves no room for output");
        }
    }

    private static int[] NotEmpty(int[] ids) => ids.Length > 0 ? ids : throw Refusal("prompt", "The prompt is empty: the model needs at least one token.");

    private RequestException TooLong(string why) =>
        new(EngineErrorCode.ContextTooLong, $"This model's maximum context length is {maxModelLength} tokens; {why}.", "prompt");

    private static RequestException Refusal(string name, string message) => new(EngineErrorCode.InvalidArgument, message, name);
}
