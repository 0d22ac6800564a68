using System.Text.Json;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Generation;

/// <summary>What a client may say about a generation beside its prompt.</summary>
internal sealed record GenerationOptions
{
    private static readonly Dictionary<string, Func<GenerationOptions, OptionValue, GenerationOptions>> Options = new()
    {
        ["temperature"] = (all, option) => all.Sampled(all.Sampling with { Temperature = option.Number() }),
        ["top_p"] = (all, option) => all.Sampled(all.Sampling with { TopP = option.Number() }),
        ["top_k"] = (all, option) => all.Sampled(all.Sampling with { TopK = option.Int32() }),
        ["min_p"] = (all, option) => all.Sampled(all.Sampling with { MinP = option.Number() }),
        ["repetition_penalty"] = (all, option) => all.Sampled(all.Sampling with { RepetitionPenalty = option.Number() }),
        ["presence_penalty"] = (all, option) => all.Sampled(all.Sampling with { PresencePenalty = option.Number() }),
        ["frequency_penalty"] = (all, option) => all.Sampled(all.Sampling with { FrequencyPenalty = option.Number() }),
        ["logit_bias"] = (all, option) => all.Sampled(all.Sampling with { LogitBias = option.Bias() }),
        ["seed"] = (all, option) => all.Sampled(all.Sampling with { Seed = option.Integer() }),
        ["max_tokens"] = (all, option) => all.Sampled(all.Sampling with { MaxTokens = option.Int32() }),
        ["min_tokens"] = (all, option) => all.Sampled(all.Sampling with { MinTokens = option.Int32() }),
        ["stop"] = (all, option) => all.Sampled(all.Sampling with { Stop = option.Texts() }),
        ["stop_token_ids"] = (all, option) => all.Sampled(all.Sampling with { StopTokenIds = option.Ids() }),
        ["include_stop_str_in_output"] = (all, option) => all.Sampled(all.Sampling with { IncludeStopStringInOutput = option.Boolean() }),
        ["ignore_eos"] = (all, option) => all.Sampled(all.Sampling with { IgnoreEos = option.Boolean() }),
        ["skip_special_tokens"] = (all, option) => all.Sampled(all.Sampling with { SkipSpecialTokens = option.Boolean() }),
        ["logprobs"] = (all, option) => all.Sampled(all.Sampling with { TopLogprobs = option.Int32() }),
        ["n"] = (all, option) => all with { OutputCount = option.Int32() },
        ["add_special_tokens"] = (all, option) => all with { AddSpecialTokens = option.Boolean() },
        ["tools"] = (all, option) => all with { Tools = option.Structure(JsonValueKind.Array) },
        ["chat_template_kwargs"] = (all, option) => all with { TemplateArguments = option.Structure(JsonValueKind.Object) },
        ["exclude_input_in_output"] = (all, option) => all with { ExcludeInput = option.Boolean() },
        ["details"] = (all, option) => all with { Details = option.Boolean() },
        ["stream"] = (all, option) => all with { Stream = option.Boolean() },
        ["timeout"] = (all, option) => all with { Timeout = Microseconds(option) },
        ["sampling_parameters"] = (all, option) => all.WithAll(option.Structure(JsonValueKind.Object)),
        ["return_finish_reason"] = (all, option) => all.Returning("finish_reason", option),
        ["return_cumulative_logprob"] = (all, option) => all.Returning("cumulative_logprob", option),
        ["return_logprobs"] = (all, option) => all.Returning("logprobs", option),
        ["return_num_input_tokens"] = (all, option) => all.Returning("num_input_tokens", option),
        ["return_num_output_tokens"] = (all, option) => all.Returning("num_output_tokens", option),
    };

    public SamplingParameters Sampling { get; init; } = new();

    /// <summary>Outputs of each prompt.</summary>
    public int OutputCount { get; init; } = 1;

    public bool AddSpecialTokens { get; init; } = true;

    public JsonElement? Tools { get; init; }

    public JsonElement? TemplateArguments { get; init; }

    /// <summary>Whether the prompt is left out of the output text.</summary>
    public bool ExcludeInput { get; init; } = true;

    /// <summary>Finish reason and tokens in the <c>details</c> of a generate answer.</summary>
    public bool Details { get; init; }

    /// <summary>Null where the client did not say.</summary>
    public bool? Stream { get; init; }

    /// <summary>Outputs that a <c>return_…</c> flag switched on or off.</summary>
    public IReadOnlyDictionary<string, bool> Returned { get; init; } = new Dictionary<string, bool>();

    /// <summary>How long the caller waits; null = no limit.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Every name that <see cref="With"/> obeys.</summary>
    public static IEnumerable<string> Names => Options.Keys;

    /// <exception cref="RequestException">No such option, one that this server does not have, or a value of the wrong type.</exception>
    public GenerationOptions With(OptionValue option) =>
        ForeignParameters.AsksForNothing(option) ? this
        : Options.TryGetValue(ForeignParameters.Own(option.Name), out Func<GenerationOptions, OptionValue, GenerationOptions>? apply) ? apply(this, option)
        : ForeignParameters.Passes(option) ? this
        : throw JsonFields.Invalid($"'{option.Name}' is no input and no option of this model.", option.Name);

    /// <summary>As <see cref="With"/>, where the protocol lets clients send names of their own.</summary>
    /// <exception cref="RequestException">An option that this server does not have, a name that is nearly an option's, or a value of the wrong type.</exception>
    public GenerationOptions WithParameter(OptionValue parameter)
    {
        if (Options.ContainsKey(ForeignParameters.Own(parameter.Name)))
        {
            return With(parameter);
        }
        if (!ForeignParameters.Passes(parameter))
        {
            ForeignParameters.RequireOpen(parameter, Names);
        }
        return this;
    }

    /// <summary>Applies every member of a JSON object; a null leaves the option alone.</summary>
    public GenerationOptions WithAll(JsonElement options) => options.EnumerateObject()
        .Where(property => property.Value.ValueKind != JsonValueKind.Null)
        .Aggregate(this, (seen, property) => seen.With(new OptionValue(property.Name, property.Value)));

    public GenerationOptions WithAll(IReadOnlyDictionary<string, JsonElement> options) => options
        .Where(entry => entry.Value.ValueKind != JsonValueKind.Null)
        .Aggregate(this, (seen, entry) => seen.With(new OptionValue(entry.Key, entry.Value)));

    /// <summary>The outputs that need log-probabilities ask the engine for them.</summary>
    public GenerationOptions NeedingLogprobs(bool needed) =>
        needed && Sampling.TopLogprobs is null ? Sampled(Sampling with { TopLogprobs = 0 }) : this;

    public Prompt.Chat ChatOf(JsonElement messages) => new(messages, Tools, TemplateArguments);

    /// <summary>One request for each prompt; every one is named, so that logs tell them apart. The earlier deadline counts.</summary>
    /// <param name="deadline">The transport's own, if it has one.</param>
    public IReadOnlyList<GenerationRequest> RequestsFor(IReadOnlyList<Prompt> prompts, string requestId, DateTimeOffset? deadline = null)
    {
        DateTimeOffset now = DateTimeOffset.UtcNow;
        DateTimeOffset? own = now + Timeout;
        DateTimeOffset? earlier = own is null || deadline < own ? deadline ?? own : own;
        return
        [
            .. prompts.Select((prompt, index) => new GenerationRequest
            {
                RequestId = prompts.Count == 1 ? requestId : $"{requestId}-{index}",
                Prompt = prompt,
                Sampling = Sampling,
                OutputCount = OutputCount,
                ArrivedAt = now,
                Deadline = earlier,
            }),
        ];
    }

    private GenerationOptions Sampled(SamplingParameters sampling) => this with { Sampling = sampling };

    private GenerationOptions Returning(string output, OptionValue option) =>
        this with { Returned = new Dictionary<string, bool>(Returned) { [output] = option.Boolean() } };

    // Triton's request parameter is in microseconds; 0 means no limit.
    private static TimeSpan? Microseconds(OptionValue option)
    {
        long value = option.Integer();
        return value switch
        {
            0 => null,
            > 0 and < 1L << 53 => TimeSpan.FromMicroseconds(value),
            _ => throw JsonFields.Invalid($"'timeout' must be a number of microseconds of at least 0, not {value}.", "timeout"),
        };
    }
}
