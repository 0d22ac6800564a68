namespace KServePaged.Engine.Tokenization.Text;

/// <summary>How far the search for the matches of a pattern in one text has come.</summary>
internal struct PatternScan
{
    public PatternScan()
    {
    }

    /// <summary>Where the search goes on.</summary>
    public int From { get; set; }

    /// <summary>The end of the last match, or -1.</summary>
    public int LastEnd { get; set; } = -1;

    /// <summary>Steps that a backtracking pattern has spent on the text.</summary>
    public long Steps { get; set; }
}
