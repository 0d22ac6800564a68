namespace KServePaged.Predictor.Telemetry.Logs;

/// <summary>How a message looks as a line.</summary>
internal interface ILogFormat
{
    /// <returns>UTF-8, with the line's end and no other.</returns>
    byte[] Line(in LogEntry entry);
}
