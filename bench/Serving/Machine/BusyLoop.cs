using System.Diagnostics;

namespace KServePaged.Serving.Machine;

/// <summary>A neighbour that keeps one core busy: an endless loop in a process of its own.</summary>
internal sealed class BusyLoop : IDisposable
{
    private readonly Process _process = Process.Start("/bin/sh", ["-c", "while :; do :; done"]);

    public int ProcessId => _process.Id;

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}
