namespace KServePaged.Engine.Tokenization.Text;

/// <summary>A fixed text. The empty one matches, empty, before every character and at the end.</summary>
internal sealed class LiteralPattern(byte[] literal) : TextPattern
{
    public int CharacterCount => CodePoint.CountOf(literal);

    protected override bool TryFind(ReadOnlySpan<byte> text, ref PatternScan scan, out int start, out int end)
    {
        int at = text[scan.From..].IndexOf(literal);
        start = scan.From + at;
        end = start + literal.Length;
        return at >= 0;
    }
}
