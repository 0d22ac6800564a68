using System.Diagnostics.CodeAnalysis;
using KServePaged.Engine.Contracts;
using KServePaged.Engine.Diagnostics;

namespace KServePaged.Engine.Core;

/// <summary>The one thread of an engine: makes its core, runs its steps, sleeps while there is nothing to do, and takes it down.</summary>
internal sealed class EngineThread : IAsyncDisposable
{
    private readonly Inbox _inbox;
    private readonly Func<EngineCore> _prepare;
    private readonly Action _release;
    private readonly EngineLog _log;
    private readonly TaskCompletionSource<EngineCore> _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile Exception? _failure;
    private volatile bool _stopping;

    /// <param name="inbox">The core's.</param>
    /// <param name="prepare">Makes the core, on the thread.</param>
    /// <param name="release">Frees what <paramref name="prepare"/> made, as far as it came, on the thread.</param>
    /// <param name="log">Told of failure and end.</param>
    public EngineThread(Inbox inbox, Func<EngineCore> prepare, Action release, EngineLog log)
    {
        _inbox = inbox;
        _prepare = prepare;
        _release = release;
        _log = log;
        new Thread(Run) { Name = "engine", IsBackground = true }.Start();
    }

    /// <summary>The core, once it can take requests; faults with what its making threw.</summary>
    public Task<EngineCore> Ready => _ready.Task;

    /// <summary>Null while it works; otherwise why it will never work again.</summary>
    public Exception? Failure => _failure;

    /// <summary>Ends what runs with <see cref="FinishReason.Abort"/>, frees the model, and completes when the thread has ended.</summary>
    public async ValueTask DisposeAsync()
    {
        _stopping = true;
        _inbox.Wake();
        await _ended.Task.ConfigureAwait(false);
    }

    private void Run()
    {
        try
        {
            if (Prepare() is { } core)
            {
                Loop(core);
            }
        }
        finally
        {
            _release();
            _ended.SetResult();
        }
    }

    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "Handed to whoever awaits Ready.")]
    private EngineCore? Prepare()
    {
        try
        {
            EngineCore core = _prepare();
            _ready.SetResult(core);
            return core;
        }
        catch (Exception e)
        {
            _ready.SetException(e);
            return null;
        }
    }

    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "Every request is told, and the engine stays down.")]
    private void Loop(EngineCore core)
    {
        try
        {
            while (!_stopping)
            {
                if (!core.Step() && !(_inbox.IsEmpty && core.Prepare()))
                {
                    _inbox.Wait();
                }
            }
            core.EndAll(FinishReason.Abort, failure: null);
            _log.Stopped();
        }
        catch (Exception e)
        {
            _failure = e;
            _log.Failed(e, core.Statistics.RunningSequences + core.Statistics.WaitingSequences);
            core.EndAll(FinishReason.Error, new RequestException(EngineErrorCode.Internal, "The engine failed and serves no more requests.", innerException: e));
        }
    }
}
