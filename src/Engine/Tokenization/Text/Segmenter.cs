namespace KServePaged.Engine.Tokenization.Text;

/// <summary>
/// Turns the matches found in one piece, left to right, into pieces. Follows the reference library's folds exactly, empty matches
/// included: they separate their neighbours although they contribute no piece.
/// </summary>
internal ref struct Segmenter(PieceText output, Piece whole, SplitBehavior behavior, bool invert)
{
    private int _at;              // everything before is decided
    private int _pendingStart;    // the last piece, still open for merging
    private int _pendingEnd;
    private bool _hasPending;
    private bool _previousIsMatch;

    public void Match(int start, int end)
    {
        if (start > _at)
        {
            Segment(_at, start, invert);
        }
        Segment(start, end, !invert);
        _at = end;
    }

    public void Finish()
    {
        if (_at < whole.Length)
        {
            Segment(_at, whole.Length, invert);
        }
        Flush();
    }

    private void Segment(int start, int end, bool isMatch)
    {
        bool joins = behavior switch
        {
            SplitBehavior.MergedWithPrevious => isMatch && !_previousIsMatch,
            SplitBehavior.MergedWithNext => !isMatch && _previousIsMatch,
            SplitBehavior.Contiguous => isMatch == _previousIsMatch,
            _ => false,
        };
        _previousIsMatch = isMatch;
        if (joins && _hasPending)
        {
            _pendingEnd = end;
            return;
        }
        Flush();
        if (behavior == SplitBehavior.Removed && isMatch)
        {
            return;
        }
        (_pendingStart, _pendingEnd, _hasPending) = (start, end, true);
    }

    private void Flush()
    {
        if (_hasPending)
        {
            output.Cut(whole, _pendingStart, _pendingEnd);
            _hasPending = false;
        }
    }
}
