namespace KServePaged.Predictor.Tests.Doubles;

/// <summary>A pipe that nobody empties until the test says so.</summary>
internal sealed class BlockedStream : MemoryStream
{
    private readonly TaskCompletionSource _blocked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ManualResetEventSlim _released = new();

    /// <summary>Completes when somebody writes.</summary>
    public Task Blocked => _blocked.Task;

    public int Written { get; private set; }

    public void Release() => _released.Set();

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        _blocked.TrySetResult();
        _released.Wait();
        Written += buffer.Length;
    }

    protected override void Dispose(bool disposing)
    {
        _released.Set();
        base.Dispose(disposing);
    }
}
