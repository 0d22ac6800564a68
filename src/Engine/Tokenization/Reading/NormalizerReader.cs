using System.Text;
using KServePaged.Engine.Tokenization.Normalizers;
using KServePaged.Engine.Tokenization.Text;

namespace KServePaged.Engine.Tokenization.Reading;

/// <summary>Reads the <c>normalizer</c> section.</summary>
internal static class NormalizerReader
{
    public static Normalizer Read(JsonNode node)
    {
        JsonNode type = node["type"];
        return type.Text() switch
        {
            "Sequence" => new SequenceNormalizer(node["normalizers"].Items().ConvertAll(Read)),
            "NFC" => new UnicodeNormalizer(compose: true, compatible: false),
            "NFD" => new UnicodeNormalizer(compose: false, compatible: false),
            "NFKC" => new UnicodeNormalizer(compose: true, compatible: true),
            "NFKD" => new UnicodeNormalizer(compose: false, compatible: true),
            "Lowercase" => CharacterNormalizer.Lowercase,
            "Strip" => new StripNormalizer(node["strip_left"].Flag(), node["strip_right"].Flag()),
            "StripAccents" => CharacterNormalizer.StripAccents,
            "Nmt" => CharacterNormalizer.Nmt,
            "ByteLevel" => new ByteLevelNormalizer(),
            "BertNormalizer" => ReadBert(node),
            "Precompiled" => ReadCharsMap(node["precompiled_charsmap"]),
            "Prepend" => new PrependNormalizer(Encoding.UTF8.GetBytes(node["prepend"].Text())),
            "Replace" => ReadReplace(node),
            string other => throw type.Defect($"the normalizer '{other}' is not supported"),
        };
    }

    private static SequenceNormalizer ReadBert(JsonNode node)
    {
        bool lowercase = node["lowercase"].Flag();
        bool stripAccents = node.Find("strip_accents")?.Flag() ?? lowercase;
        var steps = new List<Normalizer>();
        if (node["clean_text"].Flag())
        {
            steps.Add(CharacterNormalizer.BertClean);
        }
        if (node["handle_chinese_chars"].Flag())
        {
            steps.Add(CharacterNormalizer.BertIdeographs);
        }
        if (stripAccents)
        {
            steps.AddRange([new UnicodeNormalizer(compose: false, compatible: false), CharacterNormalizer.BertStripAccents]);
        }
        if (lowercase)
        {
            steps.Add(CharacterNormalizer.Lowercase);
        }
        return new SequenceNormalizer(steps);
    }

    private static CharsMapNormalizer ReadCharsMap(JsonNode node)
    {
        string text = node.Text();
        var map = new byte[text.Length];
        return Convert.TryFromBase64String(text, map, out int length) && CharsMapNormalizer.TryRead(map.AsSpan(0, length)) is { } normalizer
            ? normalizer
            : throw node.Defect("it is no compiled map of characters in base64");
    }

    private static ReplaceNormalizer ReadReplace(JsonNode node)
    {
        TextPattern pattern = PatternReader.Read(node["pattern"], out _);
        return new ReplaceNormalizer(pattern, Encoding.UTF8.GetBytes(node["content"].Text()));
    }
}
