namespace KServePaged.Engine.Core;

/// <summary>What became of a request that was put into the inbox.</summary>
internal enum Submission
{
    Accepted,

    /// <summary>As many requests wait as may wait.</summary>
    Full,

    /// <summary>The engine stopped or failed.</summary>
    Closed,
}
