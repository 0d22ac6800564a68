namespace KServePaged.Engine.Tokenization.Text;

/// <summary>One character of a class.</summary>
internal sealed class CharacterPattern(Func<int, bool> isMember) : TextPattern
{
    protected override bool TryFind(ReadOnlySpan<byte> text, ref PatternScan scan, out int start, out int end)
    {
        for (start = scan.From; start < text.Length; start = end)
        {
            int codePoint = CodePoint.At(text, start, out int length);
            end = start + length;
            if (isMember(codePoint))
            {
                return true;
            }
        }
        end = start;
        return false;
    }
}
