using KServePaged.Engine.Tokenization;
using KServePaged.TestSupport;

namespace KServePaged.Engine.Tests.Tokenization;

public sealed class TokenizerJsonTests
{
    [Fact]
    public void Load_WhenTheDirectoryHasNoTokenizer_ReturnsNull()
    {
        string empty = Directory.CreateTempSubdirectory().FullName;
        try
        {
            Assert.Null(TokenizerJson.Load(empty));
        }
        finally
        {
            Directory.Delete(empty);
        }
    }

    [Fact]
    public void Load_OfAModelDirectory_ReadsItsTokenizer()
    {
        ITokenizer tokenizer = TokenizerJson.Load(SharedData.PathOf("models/stories260K"))!;
        Assert.Equal(512, tokenizer.VocabularySize);
        Assert.Equal([1, 403, 407, 261, 378], tokenizer.Encode("Once upon a time", addSpecialTokens: true));
    }

    [Fact]
    public void Load_WhenMergesArePairs_EncodesAsWithStrings()
    {
        ITokenizer pairs = TokenizerJson.Load(SharedData.PathOf("models/tiny-random-llama"))!;
        ITokenizer strings = ReferenceTokenizers.Get("llama-2");
        Assert.Equal(strings.Encode("How are you, 你好 🙂?", true), pairs.Encode("How are you, 你好 🙂?", true));
    }
}
