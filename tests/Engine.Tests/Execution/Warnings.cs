using Microsoft.Extensions.Logging;

namespace KServePaged.Engine.Tests.Execution;

/// <summary>Keeps what is logged as a warning or worse.</summary>
internal sealed class Warnings : ILogger
{
    public List<string> All { get; } = [];

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        All.Add(formatter(state, exception));
}
