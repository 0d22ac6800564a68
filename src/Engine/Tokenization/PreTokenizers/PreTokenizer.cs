using KServePaged.Engine.Tokenization.Text;

namespace KServePaged.Engine.Tokenization.PreTokenizers;

/// <summary>Cuts the normalized text into the words that the model sees one by one. Immutable; any thread.</summary>
internal abstract class PreTokenizer
{
    /// <summary>Part of the text may vanish.</summary>
    public virtual bool DropsText => false;

    public abstract void Apply(PieceText text);
}
