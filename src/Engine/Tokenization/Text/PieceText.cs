using System.Runtime.InteropServices;

namespace KServePaged.Engine.Tokenization.Text;

/// <summary>
/// A text on its way to tokens: UTF-8 and the pieces it is cut into. Each stage is one pass over the pieces that are still text; it either
/// cuts them (<see cref="BeginPass"/>, <see cref="Cut"/>) or also writes the text anew (<see cref="BeginRewrite"/>).
/// </summary>
internal sealed class PieceText
{
    private Utf8Buffer _text = new();
    private Utf8Buffer _oldText = new();
    private List<Piece> _pieces = [];
    private List<Piece> _oldPieces = [];

    public ReadOnlySpan<Piece> Pieces => CollectionsMarshal.AsSpan(_pieces);

    /// <summary>Bytes that the object keeps allocated between uses.</summary>
    public long RetainedBytes => (long)_text.Capacity + _oldText.Capacity + (16L * (_pieces.Capacity + _oldPieces.Capacity));

    /// <summary>Where a rewriting pass appends the new text.</summary>
    public Utf8Buffer Output => _text;

    public ReadOnlySpan<byte> TextOf(in Piece piece) => _text.Written.Slice(piece.Start, piece.Length);

    public ReadOnlySpan<byte> OldTextOf(in Piece piece) => _oldText.Written.Slice(piece.Start, piece.Length);

    public void Reset(string text)
    {
        _text.Clear();
        _text.Append(text);
        _pieces.Clear();
        if (_text.Length > 0)
        {
            _pieces.Add(new Piece(0, _text.Length, Piece.NoToken, AtStart: true));
        }
    }

    /// <summary>Starts a pass that cuts pieces and leaves the text alone. Returns the pieces to go over; valid until the next pass.</summary>
    public ReadOnlySpan<Piece> BeginPass()
    {
        (_pieces, _oldPieces) = (_oldPieces, _pieces);
        _pieces.Clear();
        return CollectionsMarshal.AsSpan(_oldPieces);
    }

    /// <summary>Starts a pass that writes the text anew: read <see cref="OldTextOf"/>, append to <see cref="Output"/>.</summary>
    public ReadOnlySpan<Piece> BeginRewrite()
    {
        (_text, _oldText) = (_oldText, _text);
        _text.Clear();
        return BeginPass();
    }

    /// <summary>Adds a piece to the result of the current pass; an empty stretch of text vanishes.</summary>
    public void Add(in Piece piece)
    {
        if (piece.Length > 0 || !piece.IsText)
        {
            _pieces.Add(piece);
        }
    }

    /// <summary>Adds the stretch [start, end) of <paramref name="whole"/>, counted from its beginning.</summary>
    public void Cut(in Piece whole, int start, int end) =>
        Add(new Piece(whole.Start + start, end - start, Piece.NoToken, whole.AtStart && start == 0));
}
