using System.Text;
using KServePaged.Engine.Contracts;

namespace KServePaged.Engine.Tokenization.Models;

/// <summary>The vocabulary and how a word becomes ids of it. Immutable but for caches; any thread.</summary>
internal abstract class TokenModel(Vocabulary vocabulary)
{
    public Vocabulary Vocabulary { get; } = vocabulary;

    /// <summary>One token may stand for text of any length, or text may get no token at all.</summary>
    public virtual bool CoversAnyLength => true;

    /// <summary>Appends the ids of one non-empty piece of normalized, pre-tokenized text.</summary>
    /// <exception cref="RequestException">The model has no token for it and none for the unknown.</exception>
    public abstract void Tokenize(ReadOnlySpan<byte> word, List<int> ids);

    /// <summary>Ids of <c>&lt;0x00&gt;</c> to <c>&lt;0xFF&gt;</c>; -1 where one is missing.</summary>
    public static int[] ByteTokens(Vocabulary vocabulary) =>
        Enumerable.Range(0, 256).Select(value => vocabulary.IdOf(Encoding.ASCII.GetBytes($"<0x{value:X2}>"))).ToArray();

    protected static RequestException UnknownText() =>
        new(EngineErrorCode.InvalidArgument, "The text has characters that the model's vocabulary lacks, and it has no token for the unknown.", "prompt");
}
