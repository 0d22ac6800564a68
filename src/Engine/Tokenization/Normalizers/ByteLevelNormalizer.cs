using KServePaged.Engine.Tokenization.Text;

namespace KServePaged.Engine.Tokenization.Normalizers;

/// <summary>Writes the text's bytes in the byte-level alphabet.</summary>
internal sealed class ByteLevelNormalizer : Normalizer
{
    public override int Shrinkage => 1;

    public override bool Normalize(ReadOnlySpan<byte> text, Utf8Buffer output)
    {
        ByteLevelAlphabet.Spell(text, output);
        return true;
    }
}
