using KServePaged.Engine.Tokenization.Text;

namespace KServePaged.Engine.Tokenization.Normalizers;

/// <summary>Rewrites a text before it is cut. Immutable; any thread.</summary>
internal abstract class Normalizer
{
    /// <summary>Appends the normalized text.</summary>
    public abstract void Normalize(ReadOnlySpan<byte> text, Utf8Buffer output);
}
