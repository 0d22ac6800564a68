using System.Text.Json;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Generation;

/// <summary>
/// Names that clients of other servers send. The protocol leaves parameters open, so what means nothing here passes; what would change the answer
/// if it were obeyed is refused, and so is what looks like one of our own names misspelt. docs/api.md tells it to users.
/// </summary>
internal static class ForeignParameters
{
    private const int LongestCompared = 40;

    /// <summary>Our options under the names of TensorRT-LLM's, Hugging Face's and OpenAI's requests.</summary>
    private static readonly Dictionary<string, string> Aliases = new()
    {
        ["stop_words"] = "stop",
        ["end_id"] = "stop_token_ids",
        ["random_seed"] = "seed",
        ["min_length"] = "min_tokens",
        ["max_new_tokens"] = "max_tokens",
        ["max_completion_tokens"] = "max_tokens",
    };

    // Requests are independent of each other and served in the order they come; nothing is padded.
    private static readonly string[] WithoutEffect = ["sequence_id", "sequence_start", "sequence_end", "priority", "pad_id"];

    // Name, and the values that ask for nothing. Other values are refused, but for those of an alias.
    private static readonly Dictionary<string, string[]> Neutral = new()
    {
        ["stop_words"] = ["\"\"", "[]"],
        ["bad_words"] = ["\"\"", "[]"],
        ["beam_width"] = ["1"],
        ["best_of"] = ["1"],
        ["use_beam_search"] = ["false"],
        ["early_stopping"] = ["false"],
        ["len_penalty"] = ["1", "1.0"],
        ["length_penalty"] = ["1", "1.0"],
        ["allowed_token_ids"] = [],
        ["embedding_bias_words"] = [],
        ["guided_choice"] = [],
        ["guided_grammar"] = [],
        ["guided_json"] = [],
        ["guided_regex"] = [],
        ["lora_name"] = [],
        ["lora_task_id"] = [],
        ["response_format"] = [],
        ["structured_outputs"] = [],
        ["tool_choice"] = ["\"auto\""],
    };

    /// <returns>The name under which this server knows the option.</returns>
    public static string Own(string name) => Aliases.GetValueOrDefault(name, name);

    /// <returns>True: a known name with a value by which clients of other servers say "none".</returns>
    public static bool AsksForNothing(OptionValue parameter) =>
        Neutral.TryGetValue(parameter.Name, out string[]? values) && values.Contains(parameter.Value.GetRawText());

    /// <returns>True: the parameter is known and there is nothing to do about it. False: the name is not known.</returns>
    /// <exception cref="Engine.Contracts.RequestException">It asks for something that this server does not do.</exception>
    public static bool Passes(OptionValue parameter)
    {
        if (WithoutEffect.Contains(parameter.Name))
        {
            RequireScalar(parameter);
            return true;
        }
        return Neutral.ContainsKey(parameter.Name)
            ? AsksForNothing(parameter) ? true : throw JsonFields.Invalid($"'{parameter.Name}' is not supported by this server.", parameter.Name)
            : false;
    }

    /// <summary>For a name that is nobody's in particular.</summary>
    /// <param name="known">The names that have a meaning where this one stands.</param>
    /// <exception cref="Engine.Contracts.RequestException">It is nearly one of them, or its value is no string, number or boolean.</exception>
    public static void RequireOpen(OptionValue parameter, IEnumerable<string> known)
    {
        RequireUnlike(parameter.Name, known);
        RequireScalar(parameter);
    }

    /// <exception cref="Engine.Contracts.RequestException">The name is nearly one of the known.</exception>
    public static void RequireUnlike(string name, IEnumerable<string> known)
    {
        if (known.FirstOrDefault(other => IsNear(name, other)) is { } meant)
        {
            throw JsonFields.Invalid($"'{name}' is not known here; '{meant}' is. A name of your own must differ more from it.", name);
        }
    }

    private static void RequireScalar(OptionValue parameter)
    {
        if (parameter.Value.ValueKind is not (JsonValueKind.String or JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False))
        {
            throw JsonFields.Invalid($"parameter '{parameter.Name}' must be a string, a number or a boolean.", parameter.Name);
        }
    }

    // maxTokens, Max-Tokens and max_token are max_tokens; short names are too close to each other to tell.
    private static bool IsNear(string name, string known)
    {
        if (name.Length > LongestCompared)
        {
            return false;
        }
        string given = Letters(name);
        string other = Letters(known);
        return given == other || (Math.Min(given.Length, other.Length) >= 4 && Distance(given, other) <= (Math.Min(given.Length, other.Length) >= 7 ? 2 : 1));
    }

    private static string Letters(string name) => string.Concat(name.Where(char.IsAsciiLetterOrDigit)).ToLowerInvariant();

    // Levenshtein's.
    private static int Distance(string a, string b)
    {
        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1);
            }
        }
        return row[^1];
    }
}
