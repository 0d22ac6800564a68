using KServePaged.Engine.Tokenization.Text;

namespace KServePaged.Engine.Tokenization.Normalizers;

/// <summary>Takes white space off the ends.</summary>
internal sealed class StripNormalizer(bool left, bool right) : Normalizer
{
    public override void Normalize(ReadOnlySpan<byte> text, Utf8Buffer output)
    {
        if (left)
        {
            text = text[WhiteSpace.LeadingLength(text)..];
        }
        if (right)
        {
            text = text[..WhiteSpace.EndWithoutTrailing(text)];
        }
        output.Append(text);
    }
}
