using KServePaged.Engine.Kernels;

namespace KServePaged.Engine.Execution;

/// <summary>
/// Takes a buffer's memory from the system while there is nothing better to do. Left to the first use, it is taken in the middle of steps: 4 %
/// of the first minute's work, and a machine that has promised too much says so in mid-traffic.
/// </summary>
internal sealed class BackgroundTouch : IDisposable
{
    private const long SliceBytes = 2L << 20; // the longest that Dispose waits for

    // A start and its first request come first: beside them it made 0.3 s into 0.4.
    private static readonly TimeSpan Delay = TimeSpan.FromSeconds(0.5);

    private readonly DeviceBuffer _buffer;
    private readonly Thread _thread;
    private readonly ManualResetEventSlim _stopping = new();

    /// <param name="buffer">Outlives this.</param>
    public BackgroundTouch(DeviceBuffer buffer)
    {
        _buffer = buffer;
        _thread = new Thread(Run) { Name = "kv-touch", IsBackground = true };
        _thread.Start();
    }

    public void Dispose()
    {
        _stopping.Set();
        _thread.Join();
        _stopping.Dispose();
    }

    private void Run()
    {
        _stopping.Wait(Delay);
        for (long offset = 0; offset < _buffer.Bytes && !_stopping.IsSet; offset += SliceBytes)
        {
            _buffer.Touch(offset, Math.Min(SliceBytes, _buffer.Bytes - offset));
        }
    }
}
