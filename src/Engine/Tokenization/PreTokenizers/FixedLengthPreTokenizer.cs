using KServePaged.Engine.Tokenization.Text;

namespace KServePaged.Engine.Tokenization.PreTokenizers;

/// <summary>Pieces of so many characters.</summary>
internal sealed class FixedLengthPreTokenizer(int characters) : PreTokenizer
{
    public override void Apply(PieceText text)
    {
        foreach (Piece piece in text.BeginPass())
        {
            if (!piece.IsText)
            {
                text.Add(piece);
                continue;
            }
            ReadOnlySpan<byte> content = text.TextOf(piece);
            int start = 0;
            for (int at = 0, count = 0; at < content.Length;)
            {
                at += CodePoint.LengthAt(content, at);
                if (++count == characters || at == content.Length)
                {
                    text.Cut(piece, start, at);
                    (start, count) = (at, 0);
                }
            }
        }
    }
}
