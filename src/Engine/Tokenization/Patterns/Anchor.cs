namespace KServePaged.Engine.Tokenization.Patterns;

/// <summary>Places that a pattern can ask for.</summary>
internal enum Anchor
{
    TextStart,
    TextEnd,

    /// <summary>The end, or before a line feed that ends the text.</summary>
    LastLineEnd,
    LineStart,
    LineEnd,
    WordBorder,
    NoWordBorder,
}
