using System.Text.Json;
using KServePaged.Engine.Contracts;

namespace KServePaged.Predictor.Generation;

/// <summary>Log-probabilities as an array of {id, text, logprob, rank, top}; JSON has no minus infinity, it is null.</summary>
internal static class TokenLogprobJson
{
    public static void Write(Utf8JsonWriter json, IReadOnlyList<TokenLogprob> entries)
    {
        json.WriteStartArray();
        foreach (TokenLogprob entry in entries)
        {
            Write(json, entry);
        }
        json.WriteEndArray();
    }

    private static void Write(Utf8JsonWriter json, TokenLogprob entry)
    {
        json.WriteStartObject();
        json.WriteNumber("id", entry.TokenId);
        json.WriteString("text", entry.Text);
        if (entry.Logprob is float logprob && float.IsFinite(logprob))
        {
            json.WriteNumber("logprob", logprob);
        }
        else
        {
            json.WriteNull("logprob");
        }
        json.WriteNumber("rank", entry.Rank);
        json.WritePropertyName("top");
        Write(json, entry.Top);
        json.WriteEndObject();
    }
}
