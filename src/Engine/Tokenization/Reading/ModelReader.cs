using System.Text;
using System.Text.Json;
using KServePaged.Engine.Tokenization.Models;

namespace KServePaged.Engine.Tokenization.Reading;

/// <summary>Reads the <c>model</c> section.</summary>
internal static class ModelReader
{
    // A word piece is looked for in time that grows with the square of this.
    private const int MaxWordCharacters = 10_000;

    /// <summary>Takes the section apart in one pass; merges that come before the vocabulary wait for it.</summary>
    /// <param name="reader">Stands at the section's opening brace; afterwards at its closing one.</param>
    /// <param name="source">For errors.</param>
    public static RawModel TakeApart(ref Utf8JsonReader reader, JsonSource source)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw source.Defect("an object is expected");
        }
        var model = new RawModel();
        Utf8JsonReader merges = default;
        byte[] scratch = [];
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = Encoding.UTF8.GetString(source.TextOf(ref reader, ref scratch));
            reader.Read();
            if (name == "vocab" && reader.TokenType == JsonTokenType.StartObject)
            {
                model.Vocabulary = VocabularyReader.Read(ref reader, source.At(name));
            }
            else if (name == "vocab" && reader.TokenType == JsonTokenType.StartArray)
            {
                model.Vocabulary = UnigramReader.Read(ref reader, source.At(name), out double[] scores);
                model.Scores = scores;
            }
            else if (name == "merges")
            {
                merges = reader;
                reader.Skip();
            }
            else
            {
                model.Settings[name] = JsonElement.ParseValue(ref reader);
            }
        }
        if (merges.TokenType != JsonTokenType.None && model.Vocabulary is not null)
        {
            int prefixLength = Encoding.UTF8.GetByteCount(Setting(model, "continuing_subword_prefix", source)?.Text() ?? "");
            model.Merges = new MergesReader(model.Vocabulary, prefixLength, source.At("merges")).Read(ref merges);
        }
        return model;
    }

    /// <param name="model">The section.</param>
    /// <param name="byteLevel">Words reach the model in the byte-level alphabet, and nothing else does.</param>
    /// <param name="source">For errors.</param>
    public static TokenModel Build(RawModel model, bool byteLevel, JsonSource source)
    {
        Vocabulary vocabulary = model.Vocabulary ?? throw source.Defect("'vocab' is missing");
        string type = Setting(model, "type", source)?.Text() ?? GuessType(model);
        if (type == "Unigram" != model.Scores is not null)
        {
            throw source.At("vocab").Defect($"it has not the form of the model '{type}'");
        }
        return type switch
        {
            "BPE" => BuildBpe(model, vocabulary, byteLevel, source),
            "Unigram" => BuildUnigram(model, vocabulary, source),
            "WordPiece" => BuildWordPiece(model, vocabulary, source),
            "WordLevel" => new WordLevelModel(vocabulary, IdOfUnknown(model, vocabulary, source)),
            _ => throw source.At("type").Defect($"the model '{type}' is not supported"),
        };
    }

    // Files of before the type was written.
    private static string GuessType(RawModel model) =>
        model.Scores is not null ? "Unigram"
        : model.Merges is not null ? "BPE"
        : model.Settings.ContainsKey("max_input_chars_per_word") ? "WordPiece"
        : "WordLevel";

    /// <summary>Whether the model can be given raw bytes where the vocabulary spells them.</summary>
    public static bool TakesRawBytes(RawModel model, JsonSource source) =>
        model.Vocabulary is not null
        && string.IsNullOrEmpty(Setting(model, "continuing_subword_prefix", source)?.Text())
        && string.IsNullOrEmpty(Setting(model, "end_of_word_suffix", source)?.Text())
        && !BpeModel.ByteSymbols(model.Vocabulary).Contains(-1);

    private static JsonNode? Setting(RawModel model, string name, JsonSource source) =>
        model.Settings.TryGetValue(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null
            ? new JsonNode(value, source.File, source.At(name).Path)
            : null;

    private static UnigramModel BuildUnigram(RawModel model, Vocabulary vocabulary, JsonSource source)
    {
        int unknown = Setting(model, "unk_id", source)?.Integer(0, vocabulary.Count - 1) ?? -1;
        // Build refuses a unigram model without scores.
        return new UnigramModel(vocabulary, model.Scores!, unknown, Setting(model, "byte_fallback", source)?.Flag() ?? false);
    }

    private static WordPieceModel BuildWordPiece(RawModel model, Vocabulary vocabulary, JsonSource source)
    {
        JsonNode prefix = Setting(model, "continuing_subword_prefix", source) ?? throw source.Defect("'continuing_subword_prefix' is missing");
        JsonNode limit = Setting(model, "max_input_chars_per_word", source) ?? throw source.Defect("'max_input_chars_per_word' is missing");
        return new WordPieceModel(
            vocabulary, IdOfUnknown(model, vocabulary, source), Encoding.UTF8.GetBytes(prefix.Text()), limit.Integer(0, MaxWordCharacters));
    }

    private static int IdOfUnknown(RawModel model, Vocabulary vocabulary, JsonSource source)
    {
        JsonNode unknown = Setting(model, "unk_token", source) ?? throw source.Defect("'unk_token' is missing");
        return vocabulary.IdOf(Encoding.UTF8.GetBytes(unknown.Text()));
    }

    private static BpeModel BuildBpe(RawModel model, Vocabulary vocabulary, bool byteLevel, JsonSource source)
    {
        List<Merge> merges = model.Merges ?? throw source.Defect("'merges' is missing");
        if (Setting(model, "dropout", source) is { } dropout && dropout.Number() != 0)
        {
            throw dropout.Defect("dropout is for training; a served tokenizer has none");
        }
        var table = new MergeTable(merges.Count);
        for (int rank = 0; rank < merges.Count; rank++)
        {
            table.Add(merges[rank].Left, merges[rank].Right, rank, merges[rank].Merged);
        }
        var options = new BpeOptions
        {
            UnknownId = UnknownId(model, vocabulary, byteLevel, source),
            FuseUnknown = Setting(model, "fuse_unk", source)?.Flag() ?? false,
            ByteFallback = Setting(model, "byte_fallback", source)?.Flag() ?? false,
            IgnoreMerges = Setting(model, "ignore_merges", source)?.Flag() ?? false,
            ContinuingPrefix = Encoding.UTF8.GetBytes(Setting(model, "continuing_subword_prefix", source)?.Text() ?? ""),
            EndOfWordSuffix = Encoding.UTF8.GetBytes(Setting(model, "end_of_word_suffix", source)?.Text() ?? ""),
            RawBytes = byteLevel,
        };
        return new BpeModel(vocabulary, table, options, byteLevel ? null : PrecedingBytes(vocabulary, merges, options.UnknownId));
    }

    private static int UnknownId(RawModel model, Vocabulary vocabulary, bool byteLevel, JsonSource source)
    {
        JsonNode? unknown = Setting(model, "unk_token", source);
        int id = unknown is null ? -1 : vocabulary.IdOf(Encoding.UTF8.GetBytes(unknown.Value.Text()));
        // With a token for every byte nothing is unknown, so there a name outside the vocabulary does no harm.
        return id >= 0 || byteLevel || unknown is null ? id : throw unknown.Value.Defect("the token is not in the vocabulary");
    }

    // Null where tokens that do not spell their text take part in merges: then spellings tell nothing about what merges where.
    private static bool[]? PrecedingBytes(Vocabulary vocabulary, List<Merge> merges, int unknownId)
    {
        HashSet<int> notSpelled = [unknownId, .. TokenModel.ByteTokens(vocabulary)];
        notSpelled.Remove(-1);
        var precedes = new bool[256];
        foreach (Merge merge in merges)
        {
            if (notSpelled.Contains(merge.Left) || notSpelled.Contains(merge.Right))
            {
                return null;
            }
            ReadOnlySpan<byte> spelling = vocabulary.SpellingOf(merge.Merged);
            for (int at = spelling.LastIndexOf("▁"u8); at > 0; at = spelling[..at].LastIndexOf("▁"u8))
            {
                precedes[spelling[at - 1]] = true;
            }
        }
        return precedes;
    }
}
