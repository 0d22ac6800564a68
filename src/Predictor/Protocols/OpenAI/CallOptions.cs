using System.Text.Json;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenAI;

/// <summary>What completions and chat completions have in common.</summary>
internal sealed record CallOptions
{
    private const int MaxStopStrings = 4;

    public string? Model { get; private init; }

    public SamplingParameters Sampling { get; init; } = new();

    public int OutputCount { get; private init; } = 1;

    public bool Stream { get; private init; }

    /// <summary>An extra event with the usage at the end of a stream.</summary>
    public bool IncludeUsage { get; private init; }

    /// <summary>The usage so far in every event.</summary>
    public bool ContinuousUsage { get; private init; }

    /// <summary>Tokens of an event after the first.</summary>
    public int StreamInterval { get; private init; } = 1;

    public bool ReturnTokenIds { get; private init; }

    /// <summary>Log-probabilities name tokens <c>token_id:5</c>.</summary>
    public bool TokensAsIds { get; private init; }

    /// <summary>Replaces the id of the request.</summary>
    public string? RequestId { get; private init; }

    public string? CacheSalt { get; private init; }

    public PromptTruncation? Truncation { get; private init; }

    public static CallOptions Take(RequestFields fields)
    {
        bool stream = fields.Boolean("stream") ?? false;
        (bool includeUsage, bool continuousUsage) = TakeStreamOptions(fields, stream);
        CheckResponseFormat(fields);
        return new CallOptions
        {
            Model = fields.Text("model"),
            Sampling = TakeSampling(fields, stream),
            OutputCount = TakeOutputCount(fields),
            Stream = stream,
            IncludeUsage = includeUsage,
            ContinuousUsage = continuousUsage,
            StreamInterval = fields.Int("stream_interval") is not { } interval ? 1
                : interval >= 1 ? interval : throw fields.Refusal("stream_interval", $"stream_interval must be at least 1, not {interval}."),
            ReturnTokenIds = fields.Boolean("return_token_ids") ?? false,
            TokensAsIds = fields.Boolean("return_tokens_as_token_ids") ?? false,
            RequestId = fields.Text("request_id") is not { } id ? null
                : RequestIds.IsUsable(id) ? id : throw fields.Refusal("request_id", "request_id must be 1 to 128 visible ASCII characters."),
            CacheSalt = TakeCacheSalt(fields),
            Truncation = PromptTruncation.Take(fields),
        };
    }

    private static SamplingParameters TakeSampling(RequestFields fields, bool stream)
    {
        int? promptLogprobs = TakeCount(fields, "prompt_logprobs");
        if (stream && promptLogprobs is not null)
        {
            throw fields.Refusal("prompt_logprobs", "prompt_logprobs cannot be streamed.");
        }
        return new SamplingParameters
        {
            Temperature = fields.Double("temperature"),
            TopP = fields.Double("top_p"),
            TopK = fields.Int("top_k"),
            MinP = fields.Double("min_p"),
            RepetitionPenalty = fields.Double("repetition_penalty"),
            PresencePenalty = fields.Double("presence_penalty") ?? 0,
            FrequencyPenalty = fields.Double("frequency_penalty") ?? 0,
            LogitBias = TakeLogitBias(fields),
            Seed = fields.Long("seed"),
            MaxTokens = fields.Int("max_tokens"),
            MinTokens = fields.Int("min_tokens") ?? 0,
            Stop = TakeStop(fields),
            StopTokenIds = fields.Ints("stop_token_ids") ?? [],
            IncludeStopStringInOutput = fields.Boolean("include_stop_str_in_output") ?? false,
            IgnoreEos = fields.Boolean("ignore_eos") ?? false,
            SkipSpecialTokens = fields.Boolean("skip_special_tokens") ?? true,
            PromptLogprobs = promptLogprobs,
        };
    }

    /// <summary>A number of log-probabilities. A string is refused, as everywhere else: clients that send one mean the other API's boolean.</summary>
    public static int? TakeCount(RequestFields fields, string name)
    {
        if (fields.Take(name) is not { } value)
        {
            return null;
        }
        if (value.ValueKind == JsonValueKind.String)
        {
            throw fields.Wrong(name, "a whole number", value);
        }
        long count = RequestFields.ToLong(value) ?? throw fields.Wrong(name, "a whole number", value);
        return count is >= 0 and <= int.MaxValue ? (int)count : throw fields.Refusal(name, $"{name} must be at least 0, not {count}.");
    }

    private static int TakeOutputCount(RequestFields fields)
    {
        int count = fields.Int("n") ?? 1;
        // best_of = n is what happens anyway; choosing among more is not offered.
        return fields.Int("best_of") is { } best && best != count
            ? throw fields.Unsupported("best_of", $"best_of {best} is not supported by this server; only n outputs are made.")
            : count;
    }

    private static (bool IncludeUsage, bool Continuous) TakeStreamOptions(RequestFields fields, bool stream)
    {
        if (fields.Object("stream_options") is not { } options)
        {
            return (false, false);
        }
        if (!stream)
        {
            throw fields.Refusal("stream_options", "stream_options need stream to be true.");
        }
        bool include = options.Boolean("include_usage") ?? false;
        bool continuous = options.Boolean("continuous_usage_stats") ?? false;
        if (options.Boolean("include_obfuscation") is true)
        {
            throw options.Unsupported("include_obfuscation", "stream_options.include_obfuscation is not supported by this server.");
        }
        options.RefuseRest();
        return (include, include && continuous);
    }

    private static void CheckResponseFormat(RequestFields fields)
    {
        if (fields.Object("response_format") is not { } format)
        {
            return;
        }
        string type = format.Text("type") ?? throw fields.Refusal("response_format", "response_format needs a type.");
        if (type != "text")
        {
            throw type is "json_object" or "json_schema" or "structural_tag"
                ? format.Unsupported("type", $"response_format '{type}' is not supported by this server yet; only 'text' is.")
                : format.Refusal("type", $"response_format.type must be text, json_object or json_schema, not '{type}'.");
        }
        format.RefuseRest();
    }

    private static string[] TakeStop(RequestFields fields)
    {
        if (fields.Take("stop") is not { } value)
        {
            return [];
        }
        string[] stop = value.ValueKind switch
        {
            JsonValueKind.String => [value.GetString()!], // a string has a text
            JsonValueKind.Array when value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String) =>
                [.. value.EnumerateArray().Select(item => item.GetString()!)],
            _ => throw fields.Wrong("stop", "a string or a list of strings", value),
        };
        return stop.Length > MaxStopStrings ? throw fields.Refusal("stop", $"stop may hold {MaxStopStrings} strings, not {stop.Length}.")
            : stop.Contains("") ? throw fields.Refusal("stop", "stop must not hold an empty string.")
            : stop;
    }

    private static Dictionary<int, float>? TakeLogitBias(RequestFields fields)
    {
        if (fields.Json("logit_bias", JsonValueKind.Object) is not { } value)
        {
            return null;
        }
        var bias = new Dictionary<int, float>();
        foreach (JsonProperty entry in value.EnumerateObject())
        {
            if (!int.TryParse(entry.Name, System.Globalization.CultureInfo.InvariantCulture, out int id))
            {
                throw fields.Refusal("logit_bias", $"logit_bias has the key '{entry.Name}'; keys are token ids.");
            }
            bias[id] = entry.Value.ValueKind == JsonValueKind.Number && entry.Value.TryGetDouble(out double number) && double.IsFinite(number)
                ? (float)Math.Clamp(number, -100, 100)
                : throw fields.Wrong($"logit_bias.{entry.Name}", "a number", entry.Value);
        }
        return bias;
    }

    private static string? TakeCacheSalt(RequestFields fields) => fields.Text("cache_salt") is not { } salt ? null
        : salt.Length is > 0 and <= 128 && salt.AsSpan().IndexOfAny("@/\\\0") < 0 ? salt
        : throw fields.Refusal("cache_salt", "cache_salt must be 1 to 128 characters without @, /, \\ and NUL.");
}
