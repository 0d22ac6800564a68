using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace KServePaged.Engine.Weights;

/// <summary>Threads that load matrices beside the one that asks for them. The first failure ends the load, and is the caller's.</summary>
internal sealed class LoadingThreads : IDisposable
{
    private readonly BlockingCollection<Action> _waiting = []; // one entry a matrix of the model
    private readonly Thread[] _threads;
    private volatile ExceptionDispatchInfo? _failure;

    public LoadingThreads(int count)
    {
        _threads = [.. Enumerable.Range(0, count).Select(i => new Thread(Work) { Name = $"load-{i}", IsBackground = true })];
        foreach (Thread thread in _threads)
        {
            thread.Start();
        }
    }

    /// <param name="load">Calls <see cref="ThrowIfFailed"/> now and then, so that it ends with the others.</param>
    public void Run(Action load) => _waiting.Add(load);

    /// <summary>Throws what one of the threads met.</summary>
    public void ThrowIfFailed() => _failure?.Throw();

    /// <summary>Waits until everything is loaded, or has failed. Nothing is run afterwards.</summary>
    public void Finish()
    {
        _waiting.CompleteAdding();
        Join();
        ThrowIfFailed();
    }

    /// <summary>Ends what is being loaded, and leaves out what waits.</summary>
    public void Dispose()
    {
        Fail(new OperationCanceledException("The load was given up."));
        _waiting.CompleteAdding();
        Join();
        _waiting.Dispose();
    }

    private void Join()
    {
        foreach (Thread thread in _threads)
        {
            thread.Join();
        }
    }

    private void Work()
    {
        foreach (Action load in _waiting.GetConsumingEnumerable())
        {
            if (_failure is not null)
            {
                return;
            }
            try
            {
                load();
            }
            catch (Exception exception)
            {
                Fail(exception);
            }
        }
    }

    private void Fail(Exception exception) => Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(exception), null);
}
