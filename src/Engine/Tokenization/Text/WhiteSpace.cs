namespace KServePaged.Engine.Tokenization.Text;

/// <summary>White space at the ends of a text.</summary>
internal static class WhiteSpace
{
    /// <summary>Bytes of white space at the beginning.</summary>
    public static int LeadingLength(ReadOnlySpan<byte> text)
    {
        int at = 0;
        while (at < text.Length && CodePoint.IsWhiteSpace(CodePoint.At(text, at, out int length)))
        {
            at += length;
        }
        return at;
    }

    /// <summary>Where the white space at the end begins.</summary>
    public static int EndWithoutTrailing(ReadOnlySpan<byte> text)
    {
        int end = text.Length;
        while (end > 0 && CodePoint.IsWhiteSpace(CodePoint.Before(text, end, out int length)))
        {
            end -= length;
        }
        return end;
    }
}
