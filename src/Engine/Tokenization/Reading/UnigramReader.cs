using System.Text.Json;
using KServePaged.Engine.Tokenization.Models;

namespace KServePaged.Engine.Tokenization.Reading;

/// <summary>Reads <c>[["token", score], …]</c> straight from UTF-8; ids are places in the list.</summary>
internal static class UnigramReader
{
    /// <param name="reader">Stands at the opening bracket; afterwards at the closing one.</param>
    /// <param name="source">For errors.</param>
    /// <param name="scores">By id.</param>
    public static Vocabulary Read(ref Utf8JsonReader reader, JsonSource source, out double[] scores)
    {
        var builder = new VocabularyBuilder(expectedBytes: 1 << 20);
        var scoreList = new List<double>(1 << 15);
        byte[] scratch = [];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.StartArray || !reader.Read() || reader.TokenType != JsonTokenType.String
                || scoreList.Count >= VocabularyBuilder.MaxIdLimit)
            {
                throw source.At($"[{scoreList.Count}]").Defect("a token and its score are expected");
            }
            builder.TryAdd(source.TextOf(ref reader, ref scratch), scoreList.Count);
            if (!reader.Read() || reader.TokenType != JsonTokenType.Number || !reader.TryGetDouble(out double score) || !double.IsFinite(score)
                || !reader.Read() || reader.TokenType != JsonTokenType.EndArray)
            {
                throw source.At($"[{scoreList.Count}]").Defect("a token and its score are expected");
            }
            scoreList.Add(score);
        }
        scores = [.. scoreList];
        return builder.Build(out _);
    }
}
