namespace KServePaged.Engine.Tokenization.Text;

/// <summary>What becomes of the delimiters when a text is split at them.</summary>
internal enum SplitBehavior
{
    /// <summary>The delimiter disappears.</summary>
    Removed,

    /// <summary>The delimiter is a piece of its own.</summary>
    Isolated,

    /// <summary>The delimiter ends the piece before it.</summary>
    MergedWithPrevious,

    /// <summary>The delimiter begins the piece after it.</summary>
    MergedWithNext,

    /// <summary>Neighbouring delimiters form one piece.</summary>
    Contiguous,
}
