using KServePaged.Engine.Tokenization.Text;

namespace KServePaged.Engine.Tokenization.Normalizers;

/// <summary>Takes white space off the ends.</summary>
internal sealed class StripNormalizer(bool left, bool right) : Normalizer
{
    public override int Shrinkage => left || right ? int.MaxValue : 1;

    public override bool Normalize(ReadOnlySpan<byte> text, Utf8Buffer output)
    {
        int leading = left ? WhiteSpace.LeadingLength(text) : 0;
        text = text[leading..];
        if (right)
        {
            text = text[..WhiteSpace.EndWithoutTrailing(text)];
        }
        output.Append(text);
        return leading == 0;
    }
}
