namespace KServePaged.Predictor.Configuration;

/// <summary>What is logged, and how.</summary>
internal sealed record LogOptions
{
    /// <summary>Least severe level written.</summary>
    public LogLevel Level { get; init; } = LogLevel.Information;

    /// <summary>One JSON object a line instead of text.</summary>
    public bool IsJson { get; init; }

    /// <summary>One line for each request when it has ended.</summary>
    public bool Requests { get; init; }

    /// <summary>Prompts and outputs too.</summary>
    public bool RequestContents { get; init; }

    /// <summary>Most characters of a prompt, and of the outputs, in the log.</summary>
    public int MaxContentLength { get; init; } = 2048;
}
