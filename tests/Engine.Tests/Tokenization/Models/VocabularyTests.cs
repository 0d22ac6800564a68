using System.Text;
using KServePaged.Engine.Tokenization.Models;

namespace KServePaged.Engine.Tests.Tokenization.Models;

public sealed class VocabularyTests
{
    [Fact]
    public void IdOf_EveryEntry_IsItsId()
    {
        var builder = new VocabularyBuilder(expectedBytes: 0);
        for (int id = 999; id >= 0; id--)
        {
            Assert.True(builder.TryAdd(Encoding.UTF8.GetBytes($"token {id}"), 3 * id));
        }
        Vocabulary vocabulary = builder.Build(out int duplicate);
        Assert.Equal(-1, duplicate);
        Assert.Equal(1000, vocabulary.Count);
        Assert.Equal(2998, vocabulary.IdLimit);
        for (int id = 0; id < 1000; id++)
        {
            Assert.Equal(3 * id, vocabulary.IdOf(Encoding.UTF8.GetBytes($"token {id}")));
            Assert.Equal($"token {id}", Encoding.UTF8.GetString(vocabulary.SpellingOf(3 * id)));
        }
        Assert.Equal(-1, vocabulary.IdOf("token"u8));
        Assert.Equal(-1, vocabulary.IdOf(""u8));
        Assert.False(vocabulary.Contains(1));
        Assert.True(vocabulary.SpellingOf(1).IsEmpty);
    }

    [Fact]
    public void Build_WhenTwoEntriesAreSpelledAlike_TellsAndPrefersTheLater()
    {
        var builder = new VocabularyBuilder(expectedBytes: 0);
        Assert.True(builder.TryAdd("a"u8, 0));
        Assert.True(builder.TryAdd("a"u8, 5));
        Assert.False(builder.TryAdd("b"u8, 5));
        Vocabulary vocabulary = builder.Build(out int duplicate);
        Assert.Equal(5, duplicate);
        Assert.Equal(5, vocabulary.IdOf("a"u8));
    }

    [Fact]
    public void IdOf_InAnEmptyVocabulary_IsNone()
    {
        Vocabulary vocabulary = new VocabularyBuilder(expectedBytes: 0).Build(out _);
        Assert.Equal(-1, vocabulary.IdOf("a"u8));
        Assert.Equal(0, vocabulary.IdLimit);
    }
}
