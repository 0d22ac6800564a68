using System.Collections.Concurrent;

namespace KServePaged.Predictor.Telemetry.Logs;

/// <summary>
/// Lines on their way to standard error. It may be a pipe that nobody empties: then lines are dropped and counted, and whoever logs, the
/// engine's thread above all, is never held up.
/// </summary>
internal sealed class LogLines : IDisposable
{
    public const int Capacity = 4096;

    private static readonly TimeSpan FlushLimit = TimeSpan.FromSeconds(2);

    private readonly BlockingCollection<byte[]> _lines = new(Capacity);
    private readonly Stream _output;
    private readonly TelemetryLosses _losses;
    private readonly Thread _writer;

    public LogLines(Stream output, TelemetryLosses losses)
    {
        _output = output;
        _losses = losses;
        _writer = new Thread(Write) { IsBackground = true, Name = "log" };
        _writer.Start();
    }

    public void Add(byte[] line)
    {
        // After the end, a late line goes nowhere.
        if (_lines.IsAddingCompleted || !_lines.TryAdd(line))
        {
            _losses.LogLine();
        }
    }

    /// <summary>Writes what is queued, unless the reader of standard error stands still.</summary>
    public void Dispose()
    {
        _lines.CompleteAdding();
        if (_writer.Join(FlushLimit))
        {
            _lines.Dispose();
        }
    }

    private void Write()
    {
        foreach (byte[] line in _lines.GetConsumingEnumerable())
        {
            try
            {
                _output.Write(line);
                if (_lines.Count == 0)
                {
                    _output.Flush();
                }
            }
            catch (IOException)
            {
                _losses.LogLine(); // the reader has closed the pipe; there is no other place to say so
            }
        }
    }
}
