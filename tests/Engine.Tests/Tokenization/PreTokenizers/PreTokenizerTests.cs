using System.Text;
using System.Text.Json;
using KServePaged.Engine.Tokenization.PreTokenizers;
using KServePaged.Engine.Tokenization.Reading;
using KServePaged.Engine.Tokenization.Text;

namespace KServePaged.Engine.Tests.Tokenization.PreTokenizers;

public sealed class PreTokenizerTests
{
    [Theory]
    [InlineData("Removed", "the|final|countdown")]
    [InlineData("Isolated", "the|-|final|-|-|countdown")]
    [InlineData("MergedWithPrevious", "the-|final-|-|countdown")]
    [InlineData("MergedWithNext", "the|-final|-|-countdown")]
    [InlineData("Contiguous", "the|-|final|--|countdown")]
    public void Apply_OfASplit_TreatsDelimitersAsTold(string behavior, string pieces) =>
        Assert.Equal(pieces, Split($$"""{"type":"Split","pattern":{"String":"-"},"behavior":"{{behavior}}","invert":false}""", "the-final--countdown"));

    [Theory]
    [InlineData("""{"type":"Split","pattern":{"Regex":"\\w+"},"behavior":"Removed","invert":true}""", "How are you?", "How|are|you")]
    [InlineData("""{"type":"Split","pattern":{"Regex":"x*"},"behavior":"Isolated","invert":false}""", "axxb", "a|xx|b")]
    [InlineData("""{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true}""", "Hello my  friend", "ĠHello|Ġmy|Ġ|Ġfriend")]
    [InlineData("""{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":false}""", "a é", "aĠÃ©")]
    [InlineData("""{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}""", "Hey  friend", "▁Hey|▁|▁friend")]
    [InlineData("""{"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":false}""", " Hey you", "▁Hey▁you")]
    [InlineData("""{"type":"Metaspace","replacement":"▁","prepend_scheme":"never","split":true}""", "Hey you", "Hey|▁you")]
    [InlineData("""{"type":"Metaspace","replacement":"_","add_prefix_space":true}""", "a b", "_a|_b")]
    [InlineData("""{"type":"Metaspace","replacement":"_","add_prefix_space":false,"prepend_scheme":"never"}""", "a b", "a|_b")]
    [InlineData("""{"type":"Digits","individual_digits":true}""", "a12²b", "a|1|2|²|b")]
    [InlineData("""{"type":"Digits","individual_digits":false}""", "a12b3", "a|12|b|3")]
    [InlineData("""{"type":"Punctuation","behavior":"Isolated"}""", "Hi!! you…", "Hi|!|!| you|…")]
    [InlineData("""{"type":"Punctuation"}""", "a$b", "a|$|b")]
    [InlineData("""{"type":"Whitespace"}""", "Hey man!? x_1", "Hey|man|!?|x_1")]
    [InlineData("""{"type":"WhitespaceSplit"}""", " a,b\u3000c ", "a,b|c")]
    [InlineData("""{"type":"BertPreTokenizer"}""", "Hey friend!?", "Hey|friend|!|?")]
    [InlineData("""{"type":"CharDelimiterSplit","delimiter":"_"}""", "a__b_", "a|b")]
    [InlineData("""{"type":"FixedLength","length":2}""", "a你b🙂c", "a你|b🙂|c")]
    [InlineData("""{"type":"Sequence","pretokenizers":[{"type":"WhitespaceSplit"},{"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":true}]}""", "a b", "▁a|b")]
    public void Apply_OnKnownCases_CutsThere(string json, string text, string pieces) => Assert.Equal(pieces, Split(json, text));

    private static string Split(string json, string text)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        PreTokenizer preTokenizer = PreTokenizerReader.Read(new JsonNode(document.RootElement, "test.json", "pre_tokenizer"), rawBytes: false);
        var pieces = new PieceText();
        pieces.Reset(text);
        preTokenizer.Apply(pieces);
        var result = new List<string>();
        foreach (Piece piece in pieces.Pieces)
        {
            result.Add(Encoding.UTF8.GetString(pieces.TextOf(piece)));
        }
        return string.Join('|', result);
    }
}
