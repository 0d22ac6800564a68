using KServePaged.Engine.Tokenization;

namespace KServePaged.Engine.Tests.Tokenization.Added;

/// <summary>Added tokens in a vocabulary of ?=0 a=1 b=2 c=3 space=4 ab=5 abc=6; expectations from the reference library's rules.</summary>
public sealed class AddedVocabularyTests
{
    [Fact]
    public void Encode_FindsTheLongestOfThoseThatBeginFirst()
    {
        ITokenizer tokenizer = Tokenizer(SmallTokenizer.Added(9, "<x>"), SmallTokenizer.Added(10, "<x><y>"), SmallTokenizer.Added(11, "x><y>"));
        Assert.Equal([1, 10, 2], tokenizer.Encode("a<x><y>b", false));
        Assert.Equal([9, 9], tokenizer.Encode("<x><x>", false));
    }

    [Theory]
    [InlineData("a  T  b", false, false, new[] { 1, 4, 4, 9, 4, 4, 2 })]
    [InlineData("a  T  b", true, false, new[] { 1, 9, 4, 4, 2 })]
    [InlineData("a  T  b", false, true, new[] { 1, 4, 4, 9, 2 })]
    [InlineData("a  T  T  b", true, true, new[] { 1, 9, 9, 2 })]
    public void Encode_WhenATokenStrips_ItTakesTheWhiteSpace(string text, bool left, bool right, int[] ids) =>
        Assert.Equal(ids, Tokenizer(SmallTokenizer.Added(9, "T", lstrip: left, rstrip: right)).Encode(text, false));

    [Theory]
    [InlineData("T", new[] { 9 })]
    [InlineData("aT", new[] { 1, 0 })]
    [InlineData("Ta", new[] { 0, 1 })]
    [InlineData(" T ", new[] { 4, 9, 4 })]
    [InlineData("T!T", new[] { 9, 0, 9 })]
    [InlineData("_T", new[] { 0, 0 })]
    public void Encode_WhenATokenIsASingleWord_WordCharactersBesideItForbidIt(string text, int[] ids) =>
        Assert.Equal(ids, Tokenizer(SmallTokenizer.Added(9, "T", singleWord: true)).Encode(text, false));

    [Fact]
    public void Encode_WhenATokenIsNormalized_ItMatchesNormalizedText()
    {
        string lower = """{"type":"Lowercase"}""";
        string json = SmallTokenizer.Json(
            added: $"[{SmallTokenizer.Added(9, "XY", normalized: true)},{SmallTokenizer.Added(10, "RAW")}]", normalizer: lower);
        ITokenizer tokenizer = SmallTokenizer.Parse(json);
        Assert.Equal([1, 9, 2], tokenizer.Encode("aXyb", false));
        Assert.Equal([1, 10, 2], tokenizer.Encode("aRAWb", false));
        Assert.Equal([1, 0, 1, 0, 2], tokenizer.Encode("arawb", false));
        // A decoder gets the normalized form, as in the reference library; the token keeps its spelling.
        Assert.Equal("xy", tokenizer.Decode([9], skipSpecialTokens: false));
        Assert.Equal("XY", tokenizer.TokenOf(9));
    }

    [Fact]
    public void Ids_AreThoseOfTheModelOrTheNextFree_WhateverTheFileSays()
    {
        ITokenizer tokenizer = Tokenizer(SmallTokenizer.Added(77, "ab"), SmallTokenizer.Added(500, "<x>"), SmallTokenizer.Added(3, "<y>"));
        Assert.Equal(5, tokenizer.IdOf("ab"));
        Assert.Equal(9, tokenizer.IdOf("<x>"));
        Assert.Equal(10, tokenizer.IdOf("<y>"));
        Assert.Equal(11, tokenizer.VocabularySize);
    }

    [Fact]
    public void Decode_WhenSpecialTokensAreSkipped_LeavesOutThoseMarked()
    {
        ITokenizer tokenizer = Tokenizer(SmallTokenizer.Added(9, "<s>", special: true), SmallTokenizer.Added(10, "<t>"));
        Assert.True(tokenizer.IsSpecial(9));
        Assert.False(tokenizer.IsSpecial(10));
        Assert.Equal("a <t>", tokenizer.Decode([9, 1, 10], skipSpecialTokens: true));
        Assert.Equal("<s> a <t>", tokenizer.Decode([9, 1, 10], skipSpecialTokens: false));
    }

    [Fact]
    public void LongestTokenLength_WhenATokenSwallowsSpace_IsUnbounded()
    {
        Assert.Equal(int.MaxValue, Tokenizer(SmallTokenizer.Added(9, "T", rstrip: true)).LongestTokenLength);
        Assert.Equal(5, Tokenizer(SmallTokenizer.Added(9, "<abc>")).LongestTokenLength);
    }

    private static ITokenizer Tokenizer(params string[] added) => SmallTokenizer.Parse(SmallTokenizer.Json(added: $"[{string.Join(',', added)}]"));
}
