namespace KServePaged.Engine.Tokenization.Text;

/// <summary>A fixed text. The empty one matches, empty, before every character and at the end.</summary>
internal sealed class LiteralPattern(byte[] literal) : TextPattern
{
    public override bool TryFind(ReadOnlySpan<byte> text, int from, out int start, out int end)
    {
        int at = text[from..].IndexOf(literal);
        start = from + at;
        end = start + literal.Length;
        return at >= 0;
    }
}
