namespace KServePaged.Predictor.Configuration;

internal enum OptionArity
{
    /// <summary><c>--x</c>, <c>--x true</c>, <c>--x=false</c>, <c>--no-x</c>.</summary>
    Switch,

    /// <summary>Exactly one value.</summary>
    One,

    /// <summary>One or more values, up to the next option.</summary>
    Many,
}

/// <summary>One line of the command line's table; it drives parsing, <c>--help</c>, docs/command-line.md and the log of settings.</summary>
/// <param name="Names">Spellings with underscores, the preferred one first; <c>-</c> may stand for each <c>_</c>.</param>
/// <param name="Group">Heading in the help.</param>
/// <param name="Value">What the value is called in the help; empty for a switch.</param>
/// <param name="Help">One sentence.</param>
/// <param name="Set">Parses and applies; throws <see cref="FormatException"/> with what is allowed.</param>
/// <param name="Show">The effective value as one would type it; null where none is set.</param>
internal sealed record CommandLineOption(
    string[] Names,
    string Group,
    OptionArity Arity,
    string Value,
    string Help,
    Func<ServerOptions, IReadOnlyList<string>, ServerOptions> Set,
    Func<ServerOptions, string?> Show)
{
    /// <summary>Taken, and told to nobody: not for users.</summary>
    public bool IsHidden { get; init; }

    public string Name => Names[0];
}
