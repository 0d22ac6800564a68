using System.Text;
using KServePaged.Engine.Tokenization;

namespace KServePaged.Engine.Tests.Tokenization;

/// <summary>What must hold whatever the text or the ids.</summary>
public sealed class TokenizerPropertyTests
{
    public static TheoryData<string> Tokenizers => ReferenceTokenizers.All;

    [Theory]
    [InlineData("gpt2")]
    [InlineData("llama-3")]
    public void Decode_OfEncodedText_GivesTheTextBack(string name)
    {
        ITokenizer tokenizer = ReferenceTokenizers.Get(name);
        var texts = new HostileText(seed: 11);
        for (int i = 0; i < 2000; i++)
        {
            string text = texts.Next();
            Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text, addSpecialTokens: false), skipSpecialTokens: false));
        }
    }

    [Theory]
    [InlineData("llama-2")]
    [InlineData("mistral-v3")]
    [InlineData("stories-tok512")]
    public void Decode_OfEncodedText_GivesTheTextBackThroughByteFallback(string name)
    {
        ITokenizer tokenizer = ReferenceTokenizers.Get(name);
        var texts = new HostileText(seed: 12);
        for (int i = 0; i < 1000; i++)
        {
            string text = texts.Next();
            int[] ids = tokenizer.Encode(text, addSpecialTokens: false);
            // mistral-v3 puts no mark before a text that begins with a space, but its decoder takes the space off all the same.
            string expected = name == "mistral-v3" && text.StartsWith(' ') ? text[1..] : text;
            Assert.Equal(expected, tokenizer.Decode(ids, skipSpecialTokens: false));
        }
    }

    [Theory]
    [InlineData("gpt2", "<|endoftext|>")]
    [InlineData("llama-3", "<|eot_id|>")]
    [InlineData("qwen2.5", "<|im_end|>")]
    [InlineData("llama-2", "</s>")]
    public void Encode_AroundAnAddedToken_IsTheEncodingOfBothSides(string name, string token)
    {
        ITokenizer tokenizer = ReferenceTokenizers.Get(name);
        int id = tokenizer.IdOf(token)!.Value;
        var texts = new HostileText(seed: 13);
        for (int i = 0; i < 300; i++)
        {
            (string before, string after) = (texts.Next(), texts.Next());
            int[] expected = [.. tokenizer.Encode(before, false), id, .. tokenizer.Encode(after, false)];
            Assert.Equal(expected, tokenizer.Encode(before + token + after, addSpecialTokens: false));
        }
    }

    [Theory]
    [MemberData(nameof(Tokenizers))]
    public void Detokenizer_OnRandomIds_AddsUpToDecode(string name)
    {
        ITokenizer tokenizer = ReferenceTokenizers.Get(name);
        var random = new Random(14);
        for (int i = 0; i < 1000; i++)
        {
            int[] ids = [.. Enumerable.Range(0, random.Next(20)).Select(_ => random.Next(3) == 0 ? random.Next(300) : random.Next(tokenizer.VocabularySize + 2))];
            bool skip = random.Next(2) == 0;
            string expected = tokenizer.Decode(ids, skip);
            // A broken run of byte tokens is the documented exception.
            if (tokenizer.IdOf("<0x41>") is null || !expected.Contains('\uFFFD'))
            {
                Assert.Equal(expected, Detokenize(tokenizer, ids, skip));
            }
        }
    }

    [Fact]
    public void Detokenizer_WhenAByteRunBreaks_KeepsWhatItHasShown()
    {
        ITokenizer tokenizer = ReferenceTokenizers.Get("llama-2");
        int[] ids = [.. new[] { "<0x41>", "<0xFF>", "<0x42>", "▁x" }.Select(token => tokenizer.IdOf(token)!.Value)];
        Assert.Equal("\uFFFD\uFFFD\uFFFD x", tokenizer.Decode(ids, skipSpecialTokens: true));
        Assert.Equal("A\uFFFD\uFFFD x", Detokenize(tokenizer, ids, skip: true));
    }

    [Fact]
    public void Detokenizer_WhenBytesNeverBecomeText_LetsThemGo()
    {
        ITokenizer tokenizer = ReferenceTokenizers.Get("gpt2");
        int broken = tokenizer.IdOf("ÿ")!.Value; // the byte 0xFF
        IncrementalDetokenizer detokenizer = tokenizer.CreateDetokenizer(skipSpecialTokens: true);
        string text = string.Concat(Enumerable.Repeat(broken, 100).Select(detokenizer.Add));
        Assert.InRange(text.Length, 84, 100);
        Assert.Equal(100, text.Length + detokenizer.Finish().Length);
    }

    [Fact]
    public void Encode_WhenHalfASurrogatePairStandsAlone_EncodesTheReplacementCharacter()
    {
        ITokenizer tokenizer = ReferenceTokenizers.Get("gpt2");
        Assert.Equal(tokenizer.Encode("a\uFFFDb", false), tokenizer.Encode("a\uD800b", false));
        Assert.Equal(tokenizer.Encode("\uFFFD", false), tokenizer.Encode("\uDC00", false));
    }

    [Theory]
    [MemberData(nameof(Tokenizers))]
    public void Encode_OfOneLongWord_EndsInBoundedTime(string name)
    {
        ITokenizer tokenizer = ReferenceTokenizers.Get(name);
        var random = new Random(15);
        string word = string.Concat(Enumerable.Range(0, 100_000).Select(_ => (char)('a' + random.Next(26))));
        foreach (string text in new[] { new string('a', 100_000), new string(' ', 100_000), new string('好', 30_000), new string('\n', 30_000), word })
        {
            int[] ids = tokenizer.Encode(text, addSpecialTokens: false);
            Assert.InRange(ids.Length, text.Length / 200, 4 * text.Length);
            Assert.True(text.Length <= (long)ids.Length * tokenizer.LongestTokenLength);
        }
    }

    [Fact]
    public void Encode_FromManyThreads_IsTheSame()
    {
        ITokenizer tokenizer = ReferenceTokenizers.Get("llama-3");
        var texts = new HostileText(seed: 16);
        string[] all = [.. Enumerable.Range(0, 200).Select(_ => texts.Next())];
        int[][] alone = [.. all.Select(text => tokenizer.Encode(text, false))];
        Parallel.For(0, 8, _ =>
        {
            for (int i = 0; i < all.Length; i++)
            {
                Assert.Equal(alone[i], tokenizer.Encode(all[i], false));
            }
        });
    }

    [Fact]
    public void BytesOf_EveryToken_AddsUpToTheText()
    {
        ITokenizer tokenizer = ReferenceTokenizers.Get("llama-3");
        var texts = new HostileText(seed: 17);
        for (int i = 0; i < 300; i++)
        {
            string text = texts.Next();
            byte[] bytes = [.. tokenizer.Encode(text, false).SelectMany(id => tokenizer.BytesOf(id).ToArray())];
            Assert.Equal(Encoding.UTF8.GetBytes(text), bytes);
        }
    }

    [Fact]
    public void BytesOf_InSentencePieceVocabularies_AreWhatStandsInTheMiddleOfAText()
    {
        ITokenizer tokenizer = ReferenceTokenizers.Get("llama-2");
        Assert.Equal(" the"u8, tokenizer.BytesOf(tokenizer.IdOf("▁the")!.Value).Span);
        Assert.Equal([0xE4], tokenizer.BytesOf(tokenizer.IdOf("<0xE4>")!.Value).ToArray());
        Assert.Equal("<s>"u8, tokenizer.BytesOf(1).Span);
        Assert.True(tokenizer.BytesOf(tokenizer.VocabularySize).IsEmpty);
        Assert.True(tokenizer.BytesOf(-1).IsEmpty);
    }

    [Fact]
    public void TokenOf_AndIdOf_SpellAsTheVocabularyDoes()
    {
        ITokenizer tokenizer = ReferenceTokenizers.Get("llama-3");
        Assert.Equal(128256, tokenizer.VocabularySize);
        Assert.Equal("Ġthe", tokenizer.TokenOf(tokenizer.Encode(" the", false).Single()));
        Assert.Equal("<|eot_id|>", tokenizer.TokenOf(128009));
        Assert.Equal(128009, tokenizer.IdOf("<|eot_id|>"));
        Assert.True(tokenizer.IsSpecial(128009));
        Assert.False(tokenizer.IsSpecial(0));
        Assert.Null(tokenizer.TokenOf(128256));
        Assert.Null(tokenizer.TokenOf(-1));
        Assert.Null(tokenizer.IdOf("no such token"));
        Assert.Equal("", tokenizer.Decode([-1, 128256, int.MaxValue], skipSpecialTokens: false));
    }

    private static string Detokenize(ITokenizer tokenizer, int[] ids, bool skip)
    {
        IncrementalDetokenizer detokenizer = tokenizer.CreateDetokenizer(skip);
        return string.Concat(ids.Select(detokenizer.Add)) + detokenizer.Finish();
    }
}
