using KServePaged.Engine.Kernels;

namespace KServePaged.Engine.Execution;

/// <summary>
/// Takes a buffer's memory from the system while there is nothing better to do. Left to the first use, it is taken in the middle of steps: 4 %
/// of the first minute's work, and a machine that has promised too much says so in mid-traffic.
/// </summary>
internal sealed class BackgroundTouch : IDisposable
{
    private const long SliceBytes = 2L << 20; // the longest that Dispose waits for

    private readonly DeviceBuffer _buffer;
    private readonly Thread _thread;
    private volatile bool _stopping;

    /// <param name="buffer">Outlives this.</param>
    public BackgroundTouch(DeviceBuffer buffer)
    {
        _buffer = buffer;
        _thread = new Thread(Run) { Name = "kv-touch", IsBackground = true };
        _thread.Start();
    }

    public void Dispose()
    {
        _stopping = true;
        _thread.Join();
    }

    private void Run()
    {
        for (long offset = 0; offset < _buffer.Bytes && !_stopping; offset += SliceBytes)
        {
            _buffer.Touch(offset, Math.Min(SliceBytes, _buffer.Bytes - offset));
        }
    }
}
