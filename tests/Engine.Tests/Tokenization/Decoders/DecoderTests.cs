using System.Text.Json;
using KServePaged.Engine.Tokenization.Decoders;
using KServePaged.Engine.Tokenization.Reading;

namespace KServePaged.Engine.Tests.Tokenization.Decoders;

public sealed class DecoderTests
{
    private const string Replace = """{"type":"Replace","pattern":{"String":"▁"},"content":" "}""";
    private const string LlamaChain =
        $$"""{"type":"Sequence","decoders":[{{Replace}},{"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]}""";

    [Theory]
    [InlineData("""{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true}""", "ĠHello,Ã,©,Ċ", " Helloé\n")]
    [InlineData("""{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true}""", "a b,Ã", "a b\uFFFD")]
    [InlineData("""{"type":"Metaspace","replacement":"▁","prepend_scheme":"always"}""", "▁Hey,▁you", "Hey you")]
    [InlineData("""{"type":"Metaspace","replacement":"▁","prepend_scheme":"never"}""", "▁Hey,▁you", " Hey you")]
    [InlineData(LlamaChain, "▁a,<0xE4>,<0xBD>,<0xA0>,▁b", "a你 b")]
    [InlineData(LlamaChain, "a,<0x41>,<0xFF>,b", "a\uFFFD\uFFFDb")]
    [InlineData("""{"type":"WordPiece","prefix":"##","cleanup":false}""", "##uelo,Ara,##új,##o", "##uelo Araújo")]
    [InlineData("""{"type":"WordPiece","prefix":"##","cleanup":true}""", "I,do not,.", "I don't.")]
    [InlineData("""{"type":"BPEDecoder","suffix":"</w>"}""", "Hel,lo</w>,you</w>", "Hello you")]
    [InlineData("""{"type":"CTC","pad_token":"<pad>","word_delimiter_token":"|","cleanup":true}""", "<pad>,h,h,e,l,<pad>,l,o,|,w", "hello w")]
    [InlineData("""{"type":"Fuse"}""", "a,b", "ab")]
    [InlineData("""{"type":"Strip","content":"H","start":1,"stop":0}""", "Hey, friend!,HHH", "ey friend!HH")]
    [InlineData("""{"type":"Strip","content":"y","start":0,"stop":2}""", "Heyy,y", "He")]
    [InlineData("""{"type":"Sequence","decoders":[{"type":"Fuse"},{"type":"Strip","content":"a","start":1,"stop":2}]}""", "a,ab,aa,a", "aba")]
    [InlineData("""{"type":"Sequence","decoders":[{"type":"Fuse"},{"type":"Replace","pattern":{"String":"aa"},"content":"b"}]}""", "a,aa,x,a,a", "baxb")]
    public void Decode_OnKnownCases_GivesTheKnownText(string json, string tokens, string expected)
    {
        string whole = Decode(json, tokens.Split(','), streaming: false);
        Assert.Equal(expected, whole);
        if (!expected.Contains('\uFFFD'))
        {
            Assert.Equal(whole, Decode(json, tokens.Split(','), streaming: true));
        }
    }

    [Fact]
    public void BytesInMiddle_OfEachKind_AreWhatTheTokenContributes()
    {
        Assert.Equal(" the"u8, DecodePipeline.BytesInMiddle(Read(LlamaChain), "▁the"));
        Assert.Equal([0xE4], DecodePipeline.BytesInMiddle(Read(LlamaChain), "<0xE4>"));
        Assert.Equal(" a"u8, DecodePipeline.BytesInMiddle(Read("""{"type":"WordPiece","prefix":"##","cleanup":false}"""), "a"));
        Assert.Equal("a"u8, DecodePipeline.BytesInMiddle(Read("""{"type":"WordPiece","prefix":"##","cleanup":false}"""), "##a"));
        Assert.Equal([0xC3], DecodePipeline.BytesInMiddle(Read("""{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true}"""), "Ã"));
    }

    private static string Decode(string json, string[] tokens, bool streaming)
    {
        var pipeline = new DecodePipeline(Read(json), streaming);
        foreach (string token in tokens)
        {
            pipeline.Push(token);
        }
        pipeline.Finish();
        return pipeline.Text.ToString();
    }

    private static List<TokenDecoder> Read(string json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        return DecoderReader.Read(new JsonNode(document.RootElement, "test.json", "decoder"));
    }
}
