namespace KServePaged.Predictor.Hosting;

/// <summary>The lowest level that is logged. It may change while the server runs; every logger asks it. Any thread.</summary>
internal sealed class LogThreshold(LogLevel atStart)
{
    private volatile LogLevel _level = atStart;

    /// <summary>What the command line said.</summary>
    public LogLevel AtStart { get; } = atStart;

    public LogLevel Level
    {
        get => _level;
        set => _level = value;
    }

    /// <param name="floor">Lower levels never pass, whatever the threshold.</param>
    public bool Passes(LogLevel level, LogLevel floor = LogLevel.Trace) => level >= _level && level >= floor;
}
