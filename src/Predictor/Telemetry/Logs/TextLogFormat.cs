using System.Globalization;
using System.Text;

namespace KServePaged.Predictor.Telemetry.Logs;

/// <summary>For people: time, level, category, message; an exception follows on the same line.</summary>
internal sealed class TextLogFormat : ILogFormat
{
    public byte[] Line(in LogEntry entry)
    {
        var text = new StringBuilder();
        text.Append(entry.At.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture)).Append(' ').Append(Level(entry.Level)).Append(": ");
        text.Append(entry.Category).Append('[').Append(entry.Event.Id.ToString(CultureInfo.InvariantCulture)).Append("] ").Append(entry.Message);
        if (entry.Exception is not null)
        {
            text.Append(' ').Append(entry.Exception);
        }
        // A message may hold what a caller sent, and must not look like two.
        text.Replace("\r\n", " ").Replace('\n', ' ').Replace('\r', ' ').Append('\n');
        return Encoding.UTF8.GetBytes(text.ToString());
    }

    private static string Level(LogLevel level) => level switch
    {
        LogLevel.Trace => "trce",
        LogLevel.Debug => "dbug",
        LogLevel.Information => "info",
        LogLevel.Warning => "warn",
        LogLevel.Error => "fail",
        _ => "crit",
    };
}
