using System.Text;
using KServePaged.Engine.Tokenization.PreTokenizers;
using KServePaged.Engine.Tokenization.Text;
using KServePaged.Engine.Tokenization.Unicode;

namespace KServePaged.Engine.Tokenization.Reading;

/// <summary>
/// Reads the <c>pre_tokenizer</c> section. Its <c>trim_offsets</c>, like that of post-processors, is about offsets into the text, which
/// nothing here asks for.
/// </summary>
internal static class PreTokenizerReader
{
    private static readonly CharacterPattern Numbers = new(ReferenceClasses.IsNumeric);
    private static readonly CharacterPattern Punctuation = new(ReferenceClasses.IsPunctuation);
    private static readonly CharacterPattern Spaces = new(CodePoint.IsWhiteSpace);

    /// <param name="node">The section.</param>
    /// <param name="rawBytes">The model takes raw bytes, so a byte-level step at the end need not spell them.</param>
    public static PreTokenizer Read(JsonNode node, bool rawBytes)
    {
        JsonNode type = node["type"];
        return type.Text() switch
        {
            "Sequence" => ReadSequence(node["pretokenizers"].Items(), rawBytes),
            "ByteLevel" => new ByteLevelPreTokenizer(node["add_prefix_space"].Flag(), node.FlagOr("use_regex", true), spell: !rawBytes),
            "Metaspace" => ReadMetaspace(node),
            "Split" => ReadSplit(node),
            "Digits" => new SplitPreTokenizer(Numbers, node["individual_digits"].Flag() ? SplitBehavior.Isolated : SplitBehavior.Contiguous, invert: false),
            "Punctuation" => new SplitPreTokenizer(
                Punctuation, node.Find("behavior") is { } behavior ? ReadBehavior(behavior) : SplitBehavior.Isolated, invert: false),
            "Whitespace" => new SplitPreTokenizer(new WordRunPattern(), SplitBehavior.Removed, invert: true),
            "WhitespaceSplit" => new SplitPreTokenizer(Spaces, SplitBehavior.Removed, invert: false),
            "BertPreTokenizer" => new SequencePreTokenizer(
                [new SplitPreTokenizer(Spaces, SplitBehavior.Removed, invert: false), new SplitPreTokenizer(Punctuation, SplitBehavior.Isolated, invert: false)]),
            "CharDelimiterSplit" => new SplitPreTokenizer(
                new LiteralPattern(Encoding.UTF8.GetBytes(node["delimiter"].Character())), SplitBehavior.Removed, invert: false),
            "FixedLength" => new FixedLengthPreTokenizer(node.Find("length")?.Integer(1, int.MaxValue) ?? 5),
            string other => throw type.Defect($"the pre-tokenizer '{other}' is not supported"),
        };
    }

    /// <summary>Whether byte-level spelling is the last thing that happens to a word.</summary>
    public static bool EndsInByteLevel(JsonNode node)
    {
        if (node["type"].Text() == "Sequence")
        {
            List<JsonNode> steps = node["pretokenizers"].Items();
            return steps.Count > 0 && EndsInByteLevel(steps[^1]);
        }
        return node["type"].Text() == "ByteLevel";
    }

    private static SequencePreTokenizer ReadSequence(List<JsonNode> steps, bool rawBytes) =>
        new([.. steps.Select((step, index) => Read(step, rawBytes && index == steps.Count - 1))]);

    private static MetaspacePreTokenizer ReadMetaspace(JsonNode node)
    {
        (string mark, PrependScheme scheme) = ReadMark(node);
        return new MetaspacePreTokenizer(Encoding.UTF8.GetBytes(mark), scheme, node.FlagOr("split", true));
    }

    /// <summary>Reads what the pre-tokenizer and the decoder Metaspace have in common.</summary>
    public static (string Mark, PrependScheme Scheme) ReadMark(JsonNode node)
    {
        JsonNode? schemeNode = node.Find("prepend_scheme");
        PrependScheme scheme = schemeNode?.Text() switch
        {
            null or "always" => PrependScheme.Always,
            "first" => PrependScheme.First,
            "never" => PrependScheme.Never,
            string other => throw schemeNode.Value.Defect($"the scheme '{other}' is not one of always, first, never"),
        };
        if (node.Find("add_prefix_space") is { } old && !old.Flag())
        {
            // Files of before the scheme existed say only this.
            scheme = schemeNode is null || scheme == PrependScheme.Never
                ? PrependScheme.Never
                : throw old.Defect("it contradicts prepend_scheme");
        }
        return (node["replacement"].Character(), scheme);
    }

    private static SplitPreTokenizer ReadSplit(JsonNode node)
    {
        TextPattern pattern = PatternReader.Read(node["pattern"], out _);
        return new SplitPreTokenizer(pattern, ReadBehavior(node["behavior"]), node["invert"].Flag());
    }

    private static SplitBehavior ReadBehavior(JsonNode node) => node.Text() switch
    {
        "Removed" => SplitBehavior.Removed,
        "Isolated" => SplitBehavior.Isolated,
        "MergedWithPrevious" => SplitBehavior.MergedWithPrevious,
        "MergedWithNext" => SplitBehavior.MergedWithNext,
        "Contiguous" => SplitBehavior.Contiguous,
        string other => throw node.Defect($"'{other}' is no split behavior"),
    };
}
