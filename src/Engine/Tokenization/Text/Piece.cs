namespace KServePaged.Engine.Tokenization.Text;

/// <summary>A stretch of the text being tokenized: either still text, or an added token that was found there.</summary>
/// <param name="Start">Offset in bytes into the current text, as long as it is text.</param>
/// <param name="Length">Length in bytes.</param>
/// <param name="TokenId">The added token, or <see cref="NoToken"/> while the stretch is text.</param>
/// <param name="AtStart">The stretch begins where the caller's text begins.</param>
internal readonly record struct Piece(int Start, int Length, int TokenId, bool AtStart)
{
    public const int NoToken = -1;

    /// <summary>An added token; its text is not needed any more.</summary>
    public static Piece Token(int id) => new(0, 0, id, AtStart: false);

    public bool IsText => TokenId == NoToken;
}
