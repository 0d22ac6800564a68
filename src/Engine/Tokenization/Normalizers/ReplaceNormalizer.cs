using KServePaged.Engine.Tokenization.Text;

namespace KServePaged.Engine.Tokenization.Normalizers;

/// <summary>Replaces every match of a pattern.</summary>
internal sealed class ReplaceNormalizer(TextPattern pattern, byte[] content) : Normalizer
{
    public override int Shrinkage =>
        pattern is LiteralPattern literal && literal.CharacterCount <= CodePoint.CountOf(content) ? 1 : int.MaxValue;

    public override bool Normalize(ReadOnlySpan<byte> text, Utf8Buffer output)
    {
        int done = 0;
        bool keepsStart = true;
        var scan = new PatternScan();
        while (!text.IsEmpty && pattern.TryFindNext(text, ref scan, out int start, out int end))
        {
            // What replaces several characters counts as the last of them.
            keepsStart &= start > 0 || start == end || (end == CodePoint.LengthAt(text, 0) && content.Length > 0);
            output.Append(text[done..start]);
            output.Append(content);
            done = end;
        }
        output.Append(text[done..]);
        return keepsStart;
    }
}
