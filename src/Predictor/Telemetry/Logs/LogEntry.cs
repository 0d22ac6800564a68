using KServePaged.Predictor.Telemetry.Requests;

namespace KServePaged.Predictor.Telemetry.Logs;

/// <summary>One message on its way to a line.</summary>
/// <param name="Fields">The values in the message by their names.</param>
/// <param name="Request">The request it is about; null = none.</param>
internal readonly record struct LogEntry(
    DateTimeOffset At, LogLevel Level, string Category, EventId Event, string Message, IReadOnlyList<KeyValuePair<string, object?>> Fields, Exception? Exception,
    RequestRecord? Request);
