namespace KServePaged.Engine.Tokenization.Text;

/// <summary>Something that is looked for in UTF-8 text. Immutable; any thread.</summary>
internal abstract class TextPattern
{
    /// <summary>Walks over the matches as the reference library does: an empty match right behind the last match does not count.</summary>
    public bool TryFindNext(ReadOnlySpan<byte> text, ref PatternScan scan, out int start, out int end)
    {
        while (scan.From <= text.Length && TryFind(text, ref scan, out start, out end))
        {
            if (start == end && end == scan.LastEnd)
            {
                scan.From += scan.From < text.Length ? CodePoint.LengthAt(text, scan.From) : 1;
                continue;
            }
            scan.From = end;
            scan.LastEnd = end;
            return true;
        }
        start = end = 0;
        return false;
    }

    /// <summary>Finds the leftmost match that begins at <see cref="PatternScan.From"/> or later; it may be empty.</summary>
    protected abstract bool TryFind(ReadOnlySpan<byte> text, ref PatternScan scan, out int start, out int end);
}
