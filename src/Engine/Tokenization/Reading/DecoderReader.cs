using KServePaged.Engine.Tokenization.Decoders;
using KServePaged.Engine.Tokenization.PreTokenizers;
using KServePaged.Engine.Tokenization.Text;

namespace KServePaged.Engine.Tokenization.Reading;

/// <summary>Reads the <c>decoder</c> section into the chain that it comes down to.</summary>
internal static class DecoderReader
{
    private const int MaxStrip = 1024;

    public static List<TokenDecoder> Read(JsonNode node)
    {
        JsonNode type = node["type"];
        return type.Text() switch
        {
            "Sequence" => [.. node["decoders"].Items().SelectMany(Read)],
            "ByteLevel" => [new ByteLevelDecoder()],
            "ByteFallback" => [new ByteFallbackDecoder()],
            "Fuse" => [new FuseDecoder()],
            "Replace" => [ReadReplace(node)],
            "Strip" => [new StripDecoder(node["content"].Character(), node["start"].Integer(0, MaxStrip), node["stop"].Integer(0, MaxStrip))],
            "Metaspace" => [ReadMetaspace(node)],
            "WordPiece" => [new WordPieceDecoder(node["prefix"].Text(), node["cleanup"].Flag())],
            "BPEDecoder" => [new BpeSuffixDecoder(node["suffix"].Text())],
            "CTC" => [new CtcDecoder(node["pad_token"].Text(), node["word_delimiter_token"].Text(), node["cleanup"].Flag())],
            string other => throw type.Defect($"the decoder '{other}' is not supported"),
        };
    }

    private static ReplaceDecoder ReadReplace(JsonNode node)
    {
        TextPattern pattern = PatternReader.Read(node["pattern"], out string? literal);
        return new ReplaceDecoder(pattern, literal, node["content"].Text());
    }

    private static MetaspaceDecoder ReadMetaspace(JsonNode node)
    {
        (string mark, PrependScheme scheme) = PreTokenizerReader.ReadMark(node);
        return new MetaspaceDecoder(mark, scheme != PrependScheme.Never);
    }
}
