using KServePaged.Predictor.Telemetry.Requests;

namespace KServePaged.Predictor.Telemetry.Logs;

/// <summary>Loggers that write lines.</summary>
internal sealed class LineLogProvider(ILogFormat format, LogLines lines, TimeProvider clock) : ILoggerProvider
{
    public ILogger CreateLogger(string categoryName) => new LineLogger(categoryName, format, lines, clock);

    public void Dispose() => lines.Dispose();

    private sealed class LineLogger(string category, ILogFormat format, LogLines lines, TimeProvider clock) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (logLevel != LogLevel.None)
            {
                lines.Add(format.Line(new LogEntry(
                    clock.GetUtcNow(), logLevel, category, eventId, formatter(state, exception), state as IReadOnlyList<KeyValuePair<string, object?>> ?? [],
                    exception, RequestRecord.Current)));
            }
        }
    }
}
