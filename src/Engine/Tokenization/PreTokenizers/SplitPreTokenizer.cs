using KServePaged.Engine.Tokenization.Text;

namespace KServePaged.Engine.Tokenization.PreTokenizers;

/// <summary>Splits at the matches of a pattern.</summary>
internal sealed class SplitPreTokenizer(TextPattern pattern, SplitBehavior behavior, bool invert) : PreTokenizer
{
    public override bool DropsText => behavior == SplitBehavior.Removed;

    public override void Apply(PieceText text)
    {
        foreach (Piece piece in text.BeginPass())
        {
            if (piece.IsText)
            {
                Split(text, piece);
            }
            else
            {
                text.Add(piece);
            }
        }
    }

    private void Split(PieceText output, in Piece piece)
    {
        ReadOnlySpan<byte> text = output.TextOf(piece);
        var segments = new Segmenter(output, piece, behavior, invert);
        var scan = new PatternScan();
        while (pattern.TryFindNext(text, ref scan, out int start, out int end))
        {
            segments.Match(start, end);
        }
        segments.Finish();
    }
}
