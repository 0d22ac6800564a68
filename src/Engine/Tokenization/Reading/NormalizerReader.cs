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
            "Prepend" => new PrependNormalizer(Encoding.UTF8.GetBytes(node["prepend"].Text())),
            "Replace" => ReadReplace(node),
            string other => throw type.Defect($"the normalizer '{other}' is not supported"),
        };
    }

    private static ReplaceNormalizer ReadReplace(JsonNode node)
    {
        TextPattern pattern = PatternReader.Read(node["pattern"], out _);
        return new ReplaceNormalizer(pattern, Encoding.UTF8.GetBytes(node["content"].Text()));
    }
}
