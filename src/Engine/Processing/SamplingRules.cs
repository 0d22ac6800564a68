using KServePaged.Engine.Contracts;
using KServePaged.Engine.Models;

namespace KServePaged.Engine.Processing;

/// <summary>The ranges of sampling parameters, and what stands where a request is silent.</summary>
/// <param name="defaults">The model's generation_config.json.</param>
/// <param name="vocabularySize">Bounds token ids.</param>
/// <param name="maxLogprobs">The most alternatives that a request may ask for.</param>
internal sealed class SamplingRules(GenerationDefaults defaults, int vocabularySize, int maxLogprobs)
{
    private const double GreedyBelow = 1e-5;

    // Each costs work in every step or at every piece of text; far above what a caller needs.
    private const int MaxStopStrings = 256;
    private const int MaxStopStringLength = 4096;
    private const int MaxStopIds = 1024;
    private const int MaxBiasEntries = 4096;

    /// <returns>The parameters with every null filled in that has a default.</returns>
    /// <exception cref="RequestException">A value is out of range.</exception>
    public SamplingParameters Resolve(SamplingParameters asked, int outputCount)
    {
        CheckNumbers(asked);
        CheckStops(asked);
        CheckBias(asked.LogitBias);
        CheckLogprobs("logprobs", asked.TopLogprobs);
        CheckLogprobs("prompt_logprobs", asked.PromptLogprobs);
        double temperature = asked.Temperature ?? defaults.Temperature ?? 1;
        Require(outputCount == 1 || temperature >= GreedyBelow, "n", $"n must be 1 with greedy sampling (temperature 0), not {outputCount}: all outputs would be the same.");
        return asked with
        {
            Temperature = temperature,
            TopP = asked.TopP ?? defaults.TopP ?? 1,
            TopK = asked.TopK ?? defaults.TopK ?? 0,
            MinP = asked.MinP ?? defaults.MinP ?? 0,
            RepetitionPenalty = asked.RepetitionPenalty ?? defaults.RepetitionPenalty ?? 1,
            // A vocabulary may be smaller than the limit of a deployment.
            TopLogprobs = asked.TopLogprobs is { } top ? Math.Min(top, vocabularySize) : null,
            PromptLogprobs = asked.PromptLogprobs is { } prompt ? Math.Min(prompt, vocabularySize) : null,
        };
    }

    private static void CheckNumbers(SamplingParameters asked)
    {
        InRange("temperature", asked.Temperature, 0, 2);
        InRange("top_p", asked.TopP, 0, 1, aboveLowest: true);
        InRange("min_p", asked.MinP, 0, 1);
        InRange("repetition_penalty", asked.RepetitionPenalty, 0, double.MaxValue, aboveLowest: true);
        InRange("presence_penalty", asked.PresencePenalty, -2, 2);
        InRange("frequency_penalty", asked.FrequencyPenalty, -2, 2);
        Require(asked.TopK is null or >= -1, "top_k", $"top_k must be 0 or -1 (off) or at least 1, not {asked.TopK}.");
        Require(asked.MinTokens >= 0, "min_tokens", $"min_tokens must be at least 0, not {asked.MinTokens}.");
    }

    private static void InRange(string name, double? value, double lowest, double highest, bool aboveLowest = false)
    {
        if (value is { } number && !(number <= highest && (aboveLowest ? number > lowest : number >= lowest)))
        {
            string range = highest == double.MaxValue ? $"a finite number above {lowest}" : $"in {(aboveLowest ? '(' : '[')}{lowest}, {highest}]";
            throw Refusal(name, $"{name} must be {range}, not {number}.");
        }
    }

    private void CheckStops(SamplingParameters asked)
    {
        Require(asked.Stop.Count <= MaxStopStrings, "stop", $"stop may hold {MaxStopStrings} strings, not {asked.Stop.Count}.");
        foreach (string stop in asked.Stop)
        {
            Require(stop.Length > 0, "stop", "stop must not hold an empty string.");
            Require(stop.Length <= MaxStopStringLength, "stop", $"A string in stop may have {MaxStopStringLength} characters, not {stop.Length}.");
        }
        Require(
            asked.StopTokenIds.Count <= MaxStopIds, "stop_token_ids", $"stop_token_ids may hold {MaxStopIds} ids, not {asked.StopTokenIds.Count}.");
        CheckIds("stop_token_ids", asked.StopTokenIds);
    }

    private void CheckBias(IReadOnlyDictionary<int, float>? bias)
    {
        if (bias is null)
        {
            return;
        }
        Require(bias.Count <= MaxBiasEntries, "logit_bias", $"logit_bias may hold {MaxBiasEntries} entries, not {bias.Count}.");
        CheckIds("logit_bias", bias.Keys);
        foreach ((int id, float value) in bias)
        {
            Require(!float.IsNaN(value), "logit_bias", $"logit_bias of token {id} is not a number.");
        }
    }

    private void CheckIds(string name, IEnumerable<int> ids)
    {
        foreach (int id in ids)
        {
            Require((uint)id < (uint)vocabularySize, name, $"{name} holds token id {id}, which is out of vocabulary; ids are 0 to {vocabularySize - 1}.");
        }
    }

    private void CheckLogprobs(string name, int? count) =>
        Require(count is null || (count >= 0 && count <= maxLogprobs), name, $"{name} must be 0 to {maxLogprobs}, not {count}.");

    private static void Require(bool condition, string name, string message)
    {
        if (!condition)
        {
            throw Refusal(name, message);
        }
    }

    private static RequestException Refusal(string name, string message) => new(EngineErrorCode.InvalidArgument, message, name);
}
