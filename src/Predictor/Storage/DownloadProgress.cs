using KServePaged.Engine.Configuration;

namespace KServePaged.Predictor.Storage;

/// <summary>Adds up what several files bring and reports it, one report at a time.</summary>
internal sealed class DownloadProgress(IProgress<LoadProgress> reports, TimeProvider clock)
{
    public const string Stage = "download";

    private static readonly TimeSpan Between = TimeSpan.FromMilliseconds(100);

    private readonly Lock _gate = new();
    private long _done;
    private long _total;
    private long _reportedAt;

    public void Begin()
    {
        lock (_gate)
        {
            reports.Report(new LoadProgress(Stage, 0, 0));
        }
    }

    /// <summary>More files are known.</summary>
    /// <param name="done">Bytes of them that are here already.</param>
    public void Expect(long total, long done)
    {
        lock (_gate)
        {
            _total += total;
            _done += done;
            Report();
        }
    }

    /// <param name="bytes">Received; negative when what was here turned out to be useless.</param>
    public void Add(long bytes)
    {
        lock (_gate)
        {
            _done += bytes;
            if (_done >= _total || clock.GetElapsedTime(_reportedAt) >= Between)
            {
                Report();
            }
        }
    }

    private void Report()
    {
        _reportedAt = clock.GetTimestamp();
        reports.Report(new LoadProgress(Stage, _done, _total));
    }
}
