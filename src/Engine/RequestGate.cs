using KServePaged.Engine.Contracts;

namespace KServePaged.Engine;

/// <summary>Counts the requests inside the engine and, once it drains, lets none in. Any thread.</summary>
internal sealed class RequestGate
{
    private readonly Lock _gate = new();
    private readonly TaskCompletionSource _empty = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _closed;
    private int _inside;

    /// <returns>Disposed when the request leaves.</returns>
    /// <exception cref="RequestException">Draining.</exception>
    public Pass Enter()
    {
        lock (_gate)
        {
            if (_closed)
            {
                throw new RequestException(EngineErrorCode.Draining, "The server is shutting down and takes no new requests.");
            }
            _inside++;
            return new Pass(this);
        }
    }

    public void Close()
    {
        lock (_gate)
        {
            _closed = true;
            CompleteIfEmpty();
        }
    }

    /// <summary>Closes the gate and completes when the last request has left.</summary>
    public Task DrainAsync(CancellationToken cancellationToken)
    {
        Close();
        return _empty.Task.WaitAsync(cancellationToken);
    }

    private void Leave()
    {
        lock (_gate)
        {
            _inside--;
            CompleteIfEmpty();
        }
    }

    private void CompleteIfEmpty()
    {
        if (_closed && _inside == 0)
        {
            _empty.TrySetResult();
        }
    }

    internal readonly struct Pass(RequestGate gate) : IDisposable
    {
        public void Dispose() => gate.Leave();
    }
}
