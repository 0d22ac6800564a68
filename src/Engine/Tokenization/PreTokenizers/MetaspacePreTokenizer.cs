using KServePaged.Engine.Tokenization.Text;

namespace KServePaged.Engine.Tokenization.PreTokenizers;

/// <summary>SentencePiece's spaces: each becomes a visible mark, one may be put in front, and words begin at it.</summary>
internal sealed class MetaspacePreTokenizer(byte[] mark, PrependScheme scheme, bool split) : PreTokenizer
{
    private readonly SplitPreTokenizer? _words =
        split ? new SplitPreTokenizer(new LiteralPattern(mark), SplitBehavior.MergedWithNext, invert: false) : null;

    public override void Apply(PieceText text)
    {
        foreach (Piece piece in text.BeginRewrite())
        {
            int start = text.Output.Length;
            if (piece.IsText)
            {
                Rewrite(text.OldTextOf(piece), piece.AtStart, text.Output);
            }
            text.Add(piece with { Start = start, Length = text.Output.Length - start });
        }
        _words?.Apply(text);
    }

    private void Rewrite(ReadOnlySpan<byte> text, bool atStart, Utf8Buffer output)
    {
        bool wanted = scheme == PrependScheme.Always || (scheme == PrependScheme.First && atStart);
        if (wanted && text[0] != ' ' && !text.StartsWith(mark))
        {
            output.Append(mark);
        }
        for (int space = text.IndexOf((byte)' '); space >= 0; space = text.IndexOf((byte)' '))
        {
            output.Append(text[..space]);
            output.Append(mark);
            text = text[(space + 1)..];
        }
        output.Append(text);
    }
}
