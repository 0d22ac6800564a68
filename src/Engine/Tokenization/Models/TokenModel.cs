namespace KServePaged.Engine.Tokenization.Models;

/// <summary>The vocabulary and how a word becomes ids of it. Immutable but for caches; any thread.</summary>
internal abstract class TokenModel(Vocabulary vocabulary)
{
    public Vocabulary Vocabulary { get; } = vocabulary;

    /// <summary>Appends the ids of one non-empty piece of normalized, pre-tokenized text.</summary>
    public abstract void Tokenize(ReadOnlySpan<byte> word, List<int> ids);
}
