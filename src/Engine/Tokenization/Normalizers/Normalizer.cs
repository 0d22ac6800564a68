using KServePaged.Engine.Tokenization.Text;

namespace KServePaged.Engine.Tokenization.Normalizers;

/// <summary>Rewrites a text before it is cut. Immutable; any thread.</summary>
internal abstract class Normalizer
{
    /// <summary>Characters of the text that one character of the result may stand for; <see cref="int.MaxValue"/>: any number.</summary>
    public abstract int Shrinkage { get; }

    /// <summary>Appends the normalized text.</summary>
    /// <returns>Whether what it begins with stems from the text's first character, which is how some pre-tokenizers know the beginning.</returns>
    public abstract bool Normalize(ReadOnlySpan<byte> text, Utf8Buffer output);
}
