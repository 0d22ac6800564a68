using System.Text;
using KServePaged.Engine.Models;

namespace KServePaged.Engine.Tests.Models;

public sealed class GenerationDefaultsTests
{
    [Fact]
    public void Parse_ReadsEveryValue()
    {
        GenerationDefaults defaults = Parse(
            """{"do_sample":false,"temperature":0.6,"top_p":0.9,"top_k":20,"min_p":0.05,"repetition_penalty":1.1,"max_new_tokens":99,"eos_token_id":[2,3]}""");

        Assert.Equal(0.6, defaults.Temperature);
        Assert.Equal(0.9, defaults.TopP);
        Assert.Equal(20, defaults.TopK);
        Assert.Equal(0.05, defaults.MinP);
        Assert.Equal(1.1, defaults.RepetitionPenalty);
        Assert.Equal(99, defaults.MaxNewTokens);
        Assert.Equal([2, 3], defaults.EndTokenIds);
    }

    [Fact]
    public void Parse_WhenSilentOrNull_SaysNothing()
    {
        GenerationDefaults defaults = Parse("""{"temperature":null,"top_k":null,"eos_token_id":5,"transformers_version":"5.23.0"}""");

        Assert.Equal(new GenerationDefaults { EndTokenIds = defaults.EndTokenIds }, defaults);
        Assert.Equal([5], defaults.EndTokenIds);
    }

    [Fact]
    public void Parse_WhenTopKIsMinusOne_TurnsItOff() => Assert.Equal(0, Parse("""{"top_k":-1}""").TopK);

    [Fact]
    public void Load_WhenThereIsNoFile_SaysNothing()
    {
        GenerationDefaults defaults = GenerationDefaults.Load(Path.Combine(Path.GetTempPath(), "kservepaged-no-such-directory"));

        Assert.Null(defaults.Temperature);
        Assert.Empty(defaults.EndTokenIds);
    }

    [Theory]
    [InlineData("""{"temperature":-1}""", "\"temperature\" is -1")]
    [InlineData("""{"temperature":"hot"}""", "\"temperature\" is \"hot\"")]
    [InlineData("""{"top_p":0}""", "\"top_p\" is 0")]
    [InlineData("""{"top_p":1.5}""", "\"top_p\" is 1.5")]
    [InlineData("""{"top_k":1.5}""", "\"top_k\" is 1.5")]
    [InlineData("""{"min_p":2}""", "\"min_p\" is 2")]
    [InlineData("""{"repetition_penalty":0}""", "\"repetition_penalty\" is 0")]
    [InlineData("""{"max_new_tokens":0}""", "\"max_new_tokens\" is 0")]
    [InlineData("""{"eos_token_id":[1.5]}""", "\"eos_token_id\" is [1.5]")]
    public void Parse_WhenAValueIsOutOfRange_NamesIt(string json, string expected)
    {
        string message = Assert.Throws<InvalidDataException>(() => Parse(json)).Message;

        Assert.Contains("generation_config.json", message);
        Assert.Contains(expected, message);
    }

    private static GenerationDefaults Parse(string json) => GenerationDefaults.Parse(Encoding.UTF8.GetBytes(json), "generation_config.json");
}
