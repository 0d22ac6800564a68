using System.Text;
using System.Text.Json;
using KServePaged.Engine.Tokenization.Normalizers;
using KServePaged.Engine.Tokenization.Reading;
using KServePaged.Engine.Tokenization.Text;

namespace KServePaged.Engine.Tests.Tokenization.Normalizers;

public sealed class NormalizerTests
{
    [Theory]
    [InlineData("""{"type":"Lowercase"}""", "HÉLLO İΣ", "héllo i\u0307σ")]
    [InlineData("""{"type":"Strip","strip_left":true,"strip_right":true}""", " \u3000a b\n", "a b")]
    [InlineData("""{"type":"Strip","strip_left":false,"strip_right":true}""", " a ", " a")]
    [InlineData("""{"type":"StripAccents"}""", "e\u0301a\u0308", "ea")]
    [InlineData("""{"type":"Prepend","prepend":"▁"}""", "a", "▁a")]
    [InlineData("""{"type":"Prepend","prepend":"▁"}""", "", "")]
    [InlineData("""{"type":"Replace","pattern":{"String":" "},"content":"▁"}""", " a  b", "▁a▁▁b")]
    [InlineData("""{"type":"Replace","pattern":{"String":"aa"},"content":"b"}""", "aaaaa", "bba")]
    [InlineData("""{"type":"Replace","pattern":{"String":""},"content":"-"}""", "ab", "-a-b-")]
    [InlineData("""{"type":"Replace","pattern":{"Regex":"\\s+"},"content":" "}""", "a \n\t b", "a b")]
    [InlineData("""{"type":"Nmt"}""", "a\u0001b\u200Bc\td", "ab c d")]
    [InlineData("""{"type":"ByteLevel"}""", "é \n", "Ã©ĠĊ")]
    [InlineData("""{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true}""", "Ré\u0000\t你好", "re  你  好 ")]
    [InlineData("""{"type":"Sequence","normalizers":[{"type":"NFD"},{"type":"StripAccents"},{"type":"Lowercase"}]}""", "ÀÉ", "ae")]
    [InlineData("""{"type":"Sequence","normalizers":[]}""", "À", "À")]
    public void Normalize_OnKnownCases_GivesTheKnownText(string json, string text, string expected) => Assert.Equal(expected, Normalize(json, text));

    // Unicode's own examples (UAX #15) and the corners of the algorithm.
    [Theory]
    [InlineData("NFC", "e\u0301", "\u00E9")]
    [InlineData("NFD", "\u00E9", "e\u0301")]
    [InlineData("NFC", "\u212B", "\u00C5")]
    [InlineData("NFD", "\u1E69", "s\u0323\u0307")]
    [InlineData("NFC", "s\u0307\u0323", "\u1E69")]
    [InlineData("NFC", "\u1E0B\u0323", "\u1E0D\u0307")]
    [InlineData("NFC", "q\u0307\u0323", "q\u0323\u0307")]
    [InlineData("NFC", "\u1100\u1161\u11A8", "\uAC01")]
    [InlineData("NFD", "\uAC01", "\u1100\u1161\u11A8")]
    [InlineData("NFC", "\uAC00\u11A8", "\uAC01")]
    [InlineData("NFC", "\u0344", "\u0308\u0301")]
    [InlineData("NFC", "\u0958", "\u0915\u093C")]
    [InlineData("NFC", "a\u0300\u0301", "\u00E0\u0301")]
    [InlineData("NFKC", "\uFB01\u00B2①ｆ", "fi21f")]
    [InlineData("NFKD", "\uFDFA", "صلى الله عليه وسلم")]
    [InlineData("NFC", "\uFB01", "\uFB01")]
    [InlineData("NFC", "\u0301a", "\u0301a")]
    [InlineData("NFC", "plain ASCII", "plain ASCII")]
    [InlineData("NFC", "", "")]
    public void Normalize_ToAUnicodeForm_FollowsTheStandard(string form, string text, string expected) =>
        Assert.Equal(expected, Normalize($$"""{"type":"{{form}}"}""", text));

    [Fact]
    public void Normalize_OfMarksWithoutEnd_EndsInBoundedTime()
    {
        string marks = "a" + string.Concat(Enumerable.Repeat("\u0301\u0323", 50_000));
        string normalized = Normalize("""{"type":"NFC"}""", marks);
        Assert.Equal("\u1EA1\u0301"[0], normalized[0]); // a with the dot below, which comes first
        Assert.Equal(marks.Length - 1, normalized.Length);
        Assert.Equal(new string('\u0323', 49_999) + new string('\u0301', 50_000), normalized[1..]);
    }

    [Fact]
    public void Normalize_ToNfd_IsStableAndComposesBack()
    {
        var texts = new HostileText(seed: 41);
        for (int i = 0; i < 1000; i++)
        {
            string text = texts.Next();
            string decomposed = Normalize("""{"type":"NFD"}""", text), composed = Normalize("""{"type":"NFC"}""", text);
            Assert.Equal(decomposed, Normalize("""{"type":"NFD"}""", decomposed));
            Assert.Equal(composed, Normalize("""{"type":"NFC"}""", decomposed));
            Assert.Equal(decomposed, Normalize("""{"type":"NFD"}""", composed));
        }
    }

    [Fact]
    public void Normalize_ByCharsMap_ReplacesWhatTheTrieKnows()
    {
        // A double array by hand: the root's offset is 0x100, its child for 'A' (0x41) a leaf whose value is the text at 0.
        const uint RootOffset = 0x100, LeafOffset = 0x200;
        var trie = new uint[0x400];
        trie[0] = RootOffset << 10;
        trie[RootOffset ^ 'A'] = (((RootOffset ^ 'A') ^ LeafOffset) << 10) | 0x100 | 'A';
        trie[LeafOffset] = 0x80000000;
        byte[] map = [.. BitConverter.GetBytes(trie.Length * 4), .. trie.SelectMany(BitConverter.GetBytes), .. "xy\0"u8];
        string json = $$"""{"type":"Precompiled","precompiled_charsmap":"{{Convert.ToBase64String(map)}}"}""";
        Assert.Equal("xyBxy", Normalize(json, "ABA"));
        Assert.Equal("", Normalize(json, ""));
    }

    private static string Normalize(string json, string text)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        Normalizer normalizer = NormalizerReader.Read(new JsonNode(document.RootElement, "test.json", "normalizer"));
        var output = new Utf8Buffer();
        normalizer.Normalize(Encoding.UTF8.GetBytes(text), output);
        return Encoding.UTF8.GetString(output.Written);
    }
}
