using System.Text;
using System.Text.Json;
using KServePaged.Engine.Tokenization.Models;

namespace KServePaged.Engine.Tokenization.Reading;

/// <summary>Reads <c>{"token": id, …}</c> straight from UTF-8, without a string per token.</summary>
internal static class VocabularyReader
{
    /// <param name="reader">Stands at the opening brace; afterwards at the closing one.</param>
    /// <param name="source">For errors.</param>
    public static Vocabulary Read(ref Utf8JsonReader reader, JsonSource source)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw source.Defect("an object of tokens and ids is expected");
        }
        var builder = new VocabularyBuilder(expectedBytes: 1 << 20);
        byte[] scratch = [];
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            ReadOnlySpan<byte> token = source.TextOf(ref reader, ref scratch);
            reader.Read();
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt32(out int id) || id is < 0 or >= VocabularyBuilder.MaxIdLimit)
            {
                throw source.Defect($"the id of '{Encoding.UTF8.GetString(token)}' is not a whole number below {VocabularyBuilder.MaxIdLimit}");
            }
            if (!builder.TryAdd(token, id))
            {
                throw source.Defect($"the id {id} belongs to two tokens");
            }
        }
        Vocabulary vocabulary = builder.Build(out int duplicate);
        return duplicate < 0 ? vocabulary : throw source.Defect($"the token of id {duplicate} is there twice");
    }
}
