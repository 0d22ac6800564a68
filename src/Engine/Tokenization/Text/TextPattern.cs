namespace KServePaged.Engine.Tokenization.Text;

/// <summary>Something that is looked for in UTF-8 text. Immutable; any thread.</summary>
internal abstract class TextPattern
{
    /// <summary>Finds the leftmost match that begins at <paramref name="from"/> or later; it may be empty.</summary>
    public abstract bool TryFind(ReadOnlySpan<byte> text, int from, out int start, out int end);

    /// <summary>Walks over the matches as the reference library does: an empty match right behind the last match does not count.</summary>
    public bool TryFindNext(ReadOnlySpan<byte> text, ref int from, ref int lastEnd, out int start, out int end)
    {
        while (from <= text.Length && TryFind(text, from, out start, out end))
        {
            if (start == end && end == lastEnd)
            {
                from += from < text.Length ? CodePoint.LengthAt(text, from) : 1;
                continue;
            }
            from = end;
            lastEnd = end;
            return true;
        }
        start = end = 0;
        return false;
    }
}
