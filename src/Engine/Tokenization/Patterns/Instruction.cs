namespace KServePaged.Engine.Tokenization.Patterns;

/// <summary>What a step of a compiled pattern does.</summary>
internal enum Operation : byte
{
    /// <summary>Takes one character of the set.</summary>
    Take,

    /// <summary>Takes characters of the set, as many as possible (at least Min, at most Max), and gives them back one by one.</summary>
    TakeRun,

    /// <summary>Goes on at Target; on failure with the next step.</summary>
    PreferTarget,

    /// <summary>Goes on with the next step; on failure at Target.</summary>
    PreferNext,

    Jump,

    /// <summary>Requires the place.</summary>
    Anchor,

    /// <summary>Runs the steps up to their Accept; on success goes on at Target with what they took.</summary>
    Atomic,

    /// <summary>Requires that the steps up to their Accept match here (or, negated, do not); goes on at Target.</summary>
    LookAhead,

    /// <summary>The same for what ends here. Min and Max are its length in characters.</summary>
    LookBehind,

    Accept,
}

/// <summary>One step of a compiled pattern.</summary>
internal readonly record struct Instruction(
    Operation Operation, CodePointSet? Set = null, int Target = 0, int Min = 0, int Max = 0, bool Negated = false, Anchor Anchor = default);
