using System.Text.Json;

namespace KServePaged.Predictor.Protocols.OpenAI;

/// <summary>
/// Fields that clients send and that have no place in a <c>GenerationRequest</c>: those without an effect on the answer, by what they
/// mean, and those whose effect this version does not have. docs/openai.md lists both.
/// </summary>
internal static class ForeignFields
{
    /// <summary>Name, what JSON it must be, and why nothing has to be done about it.</summary>
    public static IReadOnlyList<(string Name, JsonValueKind Kind, string Because)> WithoutEffect { get; } =
    [
        ("user", JsonValueKind.String, "names the end user, for the provider's own records"),
        ("safety_identifier", JsonValueKind.String, "names the end user, for the provider's own records"),
        ("session_id", JsonValueKind.String, "names a session, for routers"),
        ("metadata", JsonValueKind.Object, "labels for a store of completions; nothing is stored here"),
        ("store", JsonValueKind.True, "asks the provider to keep the completion; nothing is stored here"),
        ("service_tier", JsonValueKind.String, "there is one tier"),
        ("prompt_cache_key", JsonValueKind.String, "a routing hint; cached prefixes are found by content"),
        ("prompt_cache_retention", JsonValueKind.String, "a routing hint; cached prefixes are found by content"),
        ("prediction", JsonValueKind.Object, "a hint for speed that must not change the answer"),
        ("parallel_tool_calls", JsonValueKind.True, "calls are part of the text in this version"),
        ("include_reasoning", JsonValueKind.True, "reasoning is part of the text in this version"),
        ("priority", JsonValueKind.Number, "requests are served in the order they come"),
        ("spaces_between_special_tokens", JsonValueKind.True, "tokenizer.json alone decides about blanks"),
    ];

    /// <summary>Name, values that ask for nothing (null never does), and what it would need.</summary>
    public static IReadOnlyList<(string Name, string[] Neutral)> NotSupported { get; } =
    [
        ("suffix", []), ("use_beam_search", ["false"]), ("length_penalty", ["1", "1.0"]), ("early_stopping", ["false"]),
        ("bad_words", ["[]"]), ("allowed_token_ids", []), ("logprob_token_ids", []), ("structured_outputs", []), ("guided_json", []), ("guided_regex", []),
        ("guided_choice", []), ("guided_grammar", []), ("guided_json_object", ["false"]), ("guided_decoding_backend", []),
        ("guided_whitespace_pattern", []), ("repetition_detection", []), ("thinking_token_budget", []), ("prompt_embeds", []),
        ("lora_request", []), ("vllm_xargs", ["{}"]), ("kv_transfer_params", []), ("mm_processor_kwargs", ["{}"]), ("chat_template", []),
        ("audio", []), ("web_search_options", []), ("functions", []), ("function_call", ["\"none\""]), ("verbosity", ["\"medium\""]),
    ];

    public static void Take(RequestFields fields)
    {
        foreach ((string name, JsonValueKind kind, _) in WithoutEffect)
        {
            Check(fields, name, kind);
        }
        foreach ((string name, string[] neutral) in NotSupported)
        {
            if (fields.Take(name) is { } value && !neutral.Contains(value.GetRawText()))
            {
                throw fields.Unsupported(name, $"{name} is not supported by this server.");
            }
        }
    }

    private static void Check(RequestFields fields, string name, JsonValueKind kind)
    {
        switch (kind)
        {
            case JsonValueKind.String:
                fields.Text(name);
                break;
            case JsonValueKind.True:
                fields.Boolean(name);
                break;
            case JsonValueKind.Number:
                fields.Long(name);
                break;
            default:
                fields.Json(name, kind);
                break;
        }
    }
}
