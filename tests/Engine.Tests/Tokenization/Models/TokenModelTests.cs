using KServePaged.Engine.Contracts;
using KServePaged.Engine.Tokenization;

namespace KServePaged.Engine.Tests.Tokenization.Models;

/// <summary>The models behind tokenizers of a few tokens; expectations worked out by hand from the models' definitions.</summary>
public sealed class TokenModelTests
{
    [Theory]
    [InlineData("abc", new[] { 6 })]
    [InlineData("abab", new[] { 5, 5 })]
    [InlineData("aab", new[] { 1, 5 })]
    [InlineData("xay", new[] { 0, 1, 0 })]
    [InlineData("xy", new[] { 0, 0 })]
    public void Encode_WithBpe_MergesByRank(string text, int[] ids) =>
        Assert.Equal(ids, SmallTokenizer.Parse(SmallTokenizer.Json()).Encode(text, false));

    [Theory]
    [InlineData("fuse_unk", "xyaz", new[] { 0, 1, 0 })]
    [InlineData("byte_fallback", "xa", new[] { 3, 1 })]
    [InlineData("byte_fallback", "ya", new[] { 0, 1 })]
    public void Encode_WithBpe_TreatsTheUnknownAsTold(string flag, string text, int[] ids)
    {
        string model = $$"""{"type":"BPE","unk_token":"?","{{flag}}":true,"vocab":{"?":0,"a":1,"b":2,"<0x78>":3},"merges":[]}""";
        Assert.Equal(ids, SmallTokenizer.Parse(SmallTokenizer.Json(model)).Encode(text, false));
    }

    [Fact]
    public void Encode_WithBpeAndNoUnknownToken_LeavesTheUnknownOut()
    {
        const string Model = """{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]}""";
        Assert.Equal([2], SmallTokenizer.Parse(SmallTokenizer.Json(Model)).Encode("axb", false));
    }

    [Fact]
    public void Encode_WhenMergesAreIgnored_TakesAWordThatIsATokenAsItIs()
    {
        const string Model = """{"type":"BPE","ignore_merges":true,"vocab":{"a":0,"b":1,"aba":2},"merges":[]}""";
        ITokenizer tokenizer = SmallTokenizer.Parse(SmallTokenizer.Json(Model));
        Assert.Equal([2], tokenizer.Encode("aba", false));
        Assert.Equal([0, 1, 0, 1], tokenizer.Encode("abab", false));
    }

    [Fact]
    public void Encode_WithPrefixAndSuffix_LooksCharactersUpWithThem()
    {
        const string Model =
            """
            {"type":"BPE","continuing_subword_prefix":"##","end_of_word_suffix":"</w>",
             "vocab":{"a":0,"##b":1,"##b</w>":2,"ab":3,"ab</w>":4,"a</w>":5},"merges":["a ##b","a ##b</w>"]}
            """;
        ITokenizer tokenizer = SmallTokenizer.Parse(SmallTokenizer.Json(Model));
        Assert.Equal([4], tokenizer.Encode("ab", false));
        Assert.Equal([3, 2], tokenizer.Encode("abb", false));
        Assert.Equal([5], tokenizer.Encode("a", false));
    }

    [Theory]
    [InlineData("abcd", new[] { 1, 3 })]
    [InlineData("abab", new[] { 0 })]
    [InlineData("ab", new[] { 1 })]
    [InlineData("abcdcdcd", new[] { 0 })]
    public void Encode_WithWordPiece_TakesTheLongestAndGivesUpAsAWhole(string text, int[] ids)
    {
        const string Model =
            """
            {"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":6,
             "vocab":{"[UNK]":0,"ab":1,"a":2,"##cd":3,"##c":4}}
            """;
        Assert.Equal(ids, SmallTokenizer.Parse(SmallTokenizer.Json(Model)).Encode(text, false));
    }

    // The example of the reference library's documentation.
    [Theory]
    [InlineData("abcdacdxx", new[] { 8, 1, 5, 0 })]
    [InlineData("xa", new[] { 0, 1 })]
    public void Encode_WithUnigram_TakesTheBestSum(string text, int[] ids) =>
        Assert.Equal(ids, SmallTokenizer.Parse(SmallTokenizer.Json(Unigram("0"))).Encode(text, false));

    [Fact]
    public void Encode_WithUnigramAndNoUnknownToken_RefusesTheText()
    {
        ITokenizer tokenizer = SmallTokenizer.Parse(SmallTokenizer.Json(Unigram("null")));
        Assert.Equal(EngineErrorCode.InvalidArgument, Assert.Throws<RequestException>(() => tokenizer.Encode("ax", false)).Code);
        Assert.Equal([8], tokenizer.Encode("abcd", false));
    }

    [Fact]
    public void Encode_WithWordLevel_KnowsWholeWords()
    {
        const string Model = """{"type":"WordLevel","unk_token":"?","vocab":{"?":0,"hello":1,"you":2}}""";
        ITokenizer tokenizer = SmallTokenizer.Parse(SmallTokenizer.Json(Model, preTokenizer: """{"type":"WhitespaceSplit"}"""));
        Assert.Equal([1, 0, 2], tokenizer.Encode("hello  there you", false));
    }

    [Fact]
    public void Encode_WhenCharactersVanish_MergesAcrossTheirPlace()
    {
        // Neither é nor an unknown token is known, so the two marks stand together.
        const string Model = """{"type":"BPE","vocab":{"▁":0,"▁▁":1},"merges":["▁ ▁"]}""";
        Assert.Equal([1], SmallTokenizer.Parse(SmallTokenizer.Json(Model)).Encode("▁é▁", false));
    }

    private static string Unigram(string unknown) =>
        $$"""
        {"type":"Unigram","unk_id":{{unknown}},"vocab":[["<unk>",0.0],["a",0.0],["b",0.0],["c",0.0],["d",0.0],["cd",1.0],["ab",2.0],["abc",5.0],["abcd",10.0]]}
        """;
}
