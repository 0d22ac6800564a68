using KServePaged.Engine.Tokenization.Text;

namespace KServePaged.Engine.Tokenization.Normalizers;

/// <summary>Replaces every match of a pattern.</summary>
internal sealed class ReplaceNormalizer(TextPattern pattern, byte[] content) : Normalizer
{
    public override void Normalize(ReadOnlySpan<byte> text, Utf8Buffer output)
    {
        int done = 0;
        var scan = new PatternScan();
        while (!text.IsEmpty && pattern.TryFindNext(text, ref scan, out int start, out int end))
        {
            output.Append(text[done..start]);
            output.Append(content);
            done = end;
        }
        output.Append(text[done..]);
    }
}
