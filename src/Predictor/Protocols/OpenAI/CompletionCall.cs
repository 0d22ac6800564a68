using System.Text.Json;
using KServePaged.Engine.Contracts;

namespace KServePaged.Predictor.Protocols.OpenAI;

/// <summary>A request to /completions.</summary>
internal sealed record CompletionCall(CallOptions Options, IReadOnlyList<Prompt> Prompts, bool Echo)
{
    private const int DefaultMaxTokens = 16;

    /// <summary>Prompts of one request. Each may have n outputs; more belong into more requests.</summary>
    private const int MaxPrompts = 1024;

    public static CompletionCall Parse(RequestFields fields)
    {
        CallOptions options = CallOptions.Take(fields);
        bool echo = fields.Boolean("echo") ?? false;
        int? logprobs = CallOptions.TakeCount(fields, "logprobs");
        int maxTokens = options.Sampling.MaxTokens ?? DefaultMaxTokens;
        if (maxTokens < 1 && !(echo && maxTokens == 0))
        {
            throw fields.Refusal("max_tokens", $"max_tokens must be at least 1, not {maxTokens}.");
        }
        bool addSpecialTokens = fields.Boolean("add_special_tokens") ?? true;
        Prompt[] prompts = TakePrompts(fields, addSpecialTokens);
        ForeignFields.Take(fields);
        fields.RefuseRest();
        return new CompletionCall(
            options with
            {
                Sampling = options.Sampling with
                {
                    MaxTokens = maxTokens,
                    TopLogprobs = logprobs,
                    PromptLogprobs = options.Sampling.PromptLogprobs ?? (echo ? logprobs : null),
                },
            },
            prompts,
            echo);
    }

    private static Prompt[] TakePrompts(RequestFields fields, bool addSpecialTokens)
    {
        JsonElement value = fields.Take("prompt") ?? throw fields.Refusal("prompt", "prompt is missing.");
        switch (value.ValueKind)
        {
            case JsonValueKind.String:
                string text = value.GetString()!; // a string has a text
                return text.Length > 0 ? [new Prompt.Text(text, addSpecialTokens)] : throw fields.Refusal("prompt", "prompt must not be empty.");
            case JsonValueKind.Array when value.GetArrayLength() == 0:
                throw fields.Refusal("prompt", "prompt must not be an empty list.");
            case JsonValueKind.Array when value[0].ValueKind is not (JsonValueKind.String or JsonValueKind.Array):
                return [new Prompt.TokenIds(fields.ToInts("prompt", value))];
            case JsonValueKind.Array when value.GetArrayLength() > MaxPrompts:
                throw fields.Refusal("prompt", $"prompt may hold {MaxPrompts} prompts, not {value.GetArrayLength()}.");
            case JsonValueKind.Array:
                return [.. value.EnumerateArray().Select((item, i) => PromptOf(fields, item, i, value[0].ValueKind, addSpecialTokens))];
            default:
                throw fields.Wrong("prompt", "a string, a list of strings, a list of token ids or a list of such lists", value);
        }
    }

    private static Prompt PromptOf(RequestFields fields, JsonElement item, int index, JsonValueKind kind, bool addSpecialTokens) => (kind, item.ValueKind) switch
    {
        (JsonValueKind.String, JsonValueKind.String) => new Prompt.Text(item.GetString()!, addSpecialTokens), // a string has a text
        (JsonValueKind.Array, JsonValueKind.Array) => item.GetArrayLength() > 0
            ? new Prompt.TokenIds(fields.ToInts($"prompt[{index}]", item))
            : throw fields.Refusal("prompt", $"prompt[{index}] must not be empty."),
        _ => throw fields.Wrong($"prompt[{index}]", kind == JsonValueKind.String ? "a string like the first" : "a list like the first", item),
    };
}
