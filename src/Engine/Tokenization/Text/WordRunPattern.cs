namespace KServePaged.Engine.Tokenization.Text;

/// <summary><c>\w+|[^\w\s]+</c>: runs of word characters, and runs of what is neither word nor white space.</summary>
internal sealed class WordRunPattern : TextPattern
{
    protected override bool TryFind(ReadOnlySpan<byte> text, ref PatternScan scan, out int start, out int end)
    {
        start = scan.From + WhiteSpace.LeadingLength(text[scan.From..]);
        end = start;
        while (end < text.Length)
        {
            int codePoint = CodePoint.At(text, end, out int length);
            bool continues = end == start
                || (!CodePoint.IsWhiteSpace(codePoint) && CodePoint.IsWord(codePoint) == CodePoint.IsWord(CodePoint.Before(text, end, out _)));
            if (!continues)
            {
                break;
            }
            end += length;
        }
        return end > start;
    }
}
