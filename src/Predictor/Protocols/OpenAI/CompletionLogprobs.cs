using System.Text.Json;
using KServePaged.Engine.Contracts;

namespace KServePaged.Predictor.Protocols.OpenAI;

/// <summary>The legacy dialect of log-probabilities: parallel lists, and where each token's text begins.</summary>
internal static class CompletionLogprobs
{
    /// <param name="offset">Characters (code points) before the first token.</param>
    /// <returns>Characters up to the end of the last.</returns>
    public static int Write(Utf8JsonWriter json, IReadOnlyList<TokenLogprob> tokens, int offset, bool asIds)
    {
        json.WriteStartObject("logprobs");
        json.WriteStartArray("text_offset");
        foreach (TokenLogprob token in tokens)
        {
            json.WriteNumberValue(offset);
            offset += AnswerParts.NameOf(token, asIds).EnumerateRunes().Count();
        }
        json.WriteEndArray();
        json.WriteStartArray("token_logprobs");
        foreach (TokenLogprob token in tokens)
        {
            AnswerParts.WriteLogprob(json, token.Logprob);
        }
        json.WriteEndArray();
        json.WriteStartArray("tokens");
        foreach (TokenLogprob token in tokens)
        {
            json.WriteStringValue(AnswerParts.NameOf(token, asIds));
        }
        json.WriteEndArray();
        json.WriteStartArray("top_logprobs");
        foreach (TokenLogprob token in tokens)
        {
            WriteTop(json, token, asIds);
        }
        json.WriteEndArray();
        json.WriteEndObject();
        return offset;
    }

    /// <summary>The chosen token first, then the alternatives. Two tokens of the same text share a key: the likelier one keeps it.</summary>
    private static void WriteTop(Utf8JsonWriter json, TokenLogprob token, bool asIds)
    {
        if (token.Logprob is null)
        {
            json.WriteNullValue();
            return;
        }
        json.WriteStartObject();
        var written = new HashSet<string> { AnswerParts.NameOf(token, asIds) };
        AnswerParts.WriteLogprob(json, AnswerParts.NameOf(token, asIds), token.Logprob);
        foreach (TokenLogprob other in token.Top)
        {
            string name = AnswerParts.NameOf(other, asIds);
            if (written.Add(name))
            {
                AnswerParts.WriteLogprob(json, name, other.Logprob);
            }
        }
        json.WriteEndObject();
    }
}
