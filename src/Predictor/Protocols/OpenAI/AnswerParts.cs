using System.Globalization;
using System.Text.Json;
using KServePaged.Engine.Contracts;

namespace KServePaged.Predictor.Protocols.OpenAI;

/// <summary>Members that completions and chat answers share.</summary>
internal static class AnswerParts
{
    /// <summary>The least log-probability written: JSON has no minus infinity.</summary>
    private const double LeastLogprob = -9999;

    public static void WriteFinish(Utf8JsonWriter json, GenerationDelta delta)
    {
        json.WriteString("finish_reason", delta.FinishReason is { } reason ? NameOf(reason) : null);
        WriteStopReason(json, delta);
    }

    public static void WriteStopReason(Utf8JsonWriter json, GenerationDelta delta)
    {
        if (delta.StopTokenId is { } id)
        {
            json.WriteNumber("stop_reason", id);
        }
        else
        {
            json.WriteString("stop_reason", delta.StopString);
        }
    }

    public static void WriteIds(Utf8JsonWriter json, string name, IReadOnlyList<int>? ids)
    {
        if (ids is null)
        {
            json.WriteNull(name);
            return;
        }
        json.WriteStartArray(name);
        foreach (int id in ids)
        {
            json.WriteNumberValue(id);
        }
        json.WriteEndArray();
    }

    /// <summary>The usage of a whole answer.</summary>
    public static void WriteUsage(Utf8JsonWriter json, Usage usage, bool details)
    {
        json.WriteStartObject("usage");
        WriteCounts(json, usage);
        if (details)
        {
            json.WriteStartObject("prompt_tokens_details");
            json.WriteNumber("cached_tokens", usage.CachedPromptTokens);
            json.WriteEndObject();
        }
        else
        {
            json.WriteNull("prompt_tokens_details");
        }
        json.WriteNull("completion_tokens_details");
        json.WriteEndObject();
    }

    /// <summary>The usage in a stream: counters only.</summary>
    public static void WriteStreamUsage(Utf8JsonWriter json, Usage usage)
    {
        json.WriteStartObject("usage");
        WriteCounts(json, usage);
        json.WriteEndObject();
    }

    /// <summary>vLLM's form: for each prompt token an object of id → log-probability, the token itself first.</summary>
    public static void WritePromptLogprobs(Utf8JsonWriter json, IReadOnlyList<TokenLogprob>? tokens)
    {
        if (tokens is null)
        {
            json.WriteNull("prompt_logprobs");
            return;
        }
        json.WriteStartArray("prompt_logprobs");
        foreach (TokenLogprob token in tokens)
        {
            if (token.Logprob is null)
            {
                json.WriteNullValue();
                continue;
            }
            json.WriteStartObject();
            WriteRanked(json, token);
            foreach (TokenLogprob other in token.Top.Where(other => other.TokenId != token.TokenId))
            {
                WriteRanked(json, other);
            }
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    /// <summary>How a token is called among log-probabilities.</summary>
    public static string NameOf(TokenLogprob token, bool asId) => asId ? string.Create(CultureInfo.InvariantCulture, $"token_id:{token.TokenId}") : token.Text;

    public static void WriteLogprob(Utf8JsonWriter json, string name, float? logprob)
    {
        json.WritePropertyName(name);
        WriteLogprob(json, logprob);
    }

    public static void WriteLogprob(Utf8JsonWriter json, float? logprob)
    {
        if (logprob is { } value)
        {
            json.WriteNumberValue(Math.Max(value, LeastLogprob));
        }
        else
        {
            json.WriteNullValue();
        }
    }

    private static void WriteRanked(Utf8JsonWriter json, TokenLogprob token)
    {
        json.WriteStartObject(token.TokenId.ToString(CultureInfo.InvariantCulture));
        WriteLogprob(json, "logprob", token.Logprob);
        json.WriteNumber("rank", token.Rank);
        json.WriteString("decoded_token", token.Text);
        json.WriteEndObject();
    }

    private static void WriteCounts(Utf8JsonWriter json, Usage usage)
    {
        json.WriteNumber("prompt_tokens", usage.PromptTokens);
        json.WriteNumber("total_tokens", usage.PromptTokens + usage.CompletionTokens);
        json.WriteNumber("completion_tokens", usage.CompletionTokens);
    }

    private static string NameOf(FinishReason reason) => reason switch
    {
        FinishReason.Stop => "stop",
        FinishReason.Length => "length",
        FinishReason.Abort => "abort",
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, "a finish reason that is no answer"),
    };
}
