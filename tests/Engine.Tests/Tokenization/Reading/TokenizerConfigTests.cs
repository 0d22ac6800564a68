using System.Text;
using KServePaged.Engine.Tokenization;
using KServePaged.Engine.Tokenization.Reading;

namespace KServePaged.Engine.Tests.Tokenization.Reading;

public sealed class TokenizerConfigTests
{
    [Fact]
    public void Parse_OfAddedTokensDecoder_AddsTokensAndOverridesFlags()
    {
        ITokenizer tokenizer = Parse(
            """{"added_tokens_decoder":{"10":{"content":"<new>","special":false},"9":{"content":"<x>","special":true,"rstrip":true,"normalized":false}}}""");
        Assert.True(tokenizer.IsSpecial(9));
        Assert.Equal(10, tokenizer.IdOf("<new>"));
        Assert.Equal([9, 1, 10], tokenizer.Encode("<x>  a<new>", false));
    }

    [Theory]
    [InlineData("""{"eos_token":"<x>"}""")]
    [InlineData("""{"pad_token":{"__type":"AddedToken","content":"<x>","lstrip":false}}""")]
    [InlineData("""{"additional_special_tokens":["<x>"]}""")]
    [InlineData("""{"extra_special_tokens":{"image_token":"<x>"}}""")]
    [InlineData("""{"extra_special_tokens":["<x>"]}""")]
    [InlineData("""{"bos_token":"<x>","added_tokens_decoder":{"9":{"content":"<x>","special":false}}}""")]
    public void Parse_OfANamedToken_MakesItSpecial(string config)
    {
        ITokenizer tokenizer = Parse(config);
        Assert.True(tokenizer.IsSpecial(9));
        Assert.Equal("a b", tokenizer.Decode([1, 9, 2], skipSpecialTokens: true));
        Assert.Equal([1, 9], tokenizer.Encode("a<x>", false));
    }

    [Fact]
    public void Parse_WhenSpecialTokensAreSplit_TheyAreText()
    {
        ITokenizer tokenizer = Parse("""{"eos_token":"<x>","split_special_tokens":true}""");
        Assert.Equal([1, 0, 0, 0], tokenizer.Encode("a<x>", false));
    }

    [Fact]
    public void Parse_OfFlagsForBeginningAndEnd_LeavesThePostProcessorAlone() =>
        Assert.Equal([1], Parse("""{"add_bos_token":true,"bos_token":"<x>","clean_up_tokenization_spaces":true,"chat_template":"{{ x }}"}""").Encode("a", true));

    [Theory]
    [InlineData("[]", "an object is expected")]
    [InlineData("{", "not JSON")]
    [InlineData("""{"added_tokens_decoder":{"x":{"content":"a"}}}""", "no token id")]
    [InlineData("""{"added_tokens_decoder":{"1":{}}}""", "'content' is missing")]
    [InlineData("""{"bos_token":7}""", "bos_token")]
    [InlineData("""{"additional_special_tokens":"<x>"}""", "additional_special_tokens")]
    [InlineData("""{"split_special_tokens":"yes"}""", "split_special_tokens")]
    public void Parse_WhenBroken_NamesFileAndPlace(string config, string message)
    {
        var exception = Assert.Throws<InvalidDataException>(() => Parse(config));
        Assert.StartsWith("dir/tokenizer_config.json: ", exception.Message, StringComparison.Ordinal);
        Assert.Contains(message, exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("deepseek-coder")]
    [InlineData("gpt2")]
    [InlineData("llama-2")]
    [InlineData("llama-3")]
    [InlineData("phi-3-mini")]
    [InlineData("qwen2.5")]
    public void Load_OfAPublishedDirectory_EncodesAsTheTokenizerAlone(string name)
    {
        string directory = Directory.CreateTempSubdirectory().FullName;
        try
        {
            foreach (string file in new[] { "tokenizer.json", "tokenizer_config.json" })
            {
                File.WriteAllBytes(Path.Combine(directory, file), ReferenceTokenizers.Read(name, file));
            }
            ITokenizer loaded = TokenizerJson.Load(directory)!, alone = ReferenceTokenizers.Get(name);
            Assert.Equal(alone.VocabularySize, loaded.VocabularySize);
            var texts = new HostileText(seed: 51);
            for (int i = 0; i < 200; i++)
            {
                string text = texts.Next();
                int[] ids = loaded.Encode(text, addSpecialTokens: true);
                Assert.Equal(alone.Encode(text, addSpecialTokens: true), ids);
                Assert.Equal(alone.Decode(ids, skipSpecialTokens: true), loaded.Decode(ids, skipSpecialTokens: true));
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static ITokenizer Parse(string config)
    {
        TokenizerConfig parsed = TokenizerConfig.Parse(Encoding.UTF8.GetBytes(config), "dir/tokenizer_config.json");
        string json = SmallTokenizer.Json(added: $"[{SmallTokenizer.Added(9, "<x>")}]");
        return TokenizerJson.Parse(Encoding.UTF8.GetBytes(json), "dir/tokenizer.json", parsed);
    }
}
