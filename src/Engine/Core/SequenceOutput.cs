using System.Threading.Tasks.Sources;
using KServePaged.Engine.Contracts;

namespace KServePaged.Engine.Core;

/// <summary>
/// From the engine thread to the one thread that awaits the outputs of a request. Never blocks the engine: what is not read yet piles up,
/// bounded by the tokens that the request may generate. Telling the reader allocates nothing; it wakes on the thread pool.
/// </summary>
internal sealed class SequenceOutput : IValueTaskSource, IThreadPoolWorkItem
{
    private readonly Lock _gate = new();
    private ManualResetValueTaskSourceCore<bool> _source;
    private OutputBatch _pending = new();
    private bool _readerWaits;
    private bool _interrupted;

    /// <summary>Engine thread. The request is in a step for the first time: its prompt's part in the cache is known, and how long it waited.</summary>
    public void Begin(int cachedPromptTokens, TimeSpan queueTime)
    {
        lock (_gate)
        {
            _pending.CachedPromptTokens = cachedPromptTokens;
            _pending.QueueTime = queueTime;
            Notify();
        }
    }

    /// <summary>Engine thread. Copies the alternatives.</summary>
    /// <param name="at">When it happened, a timestamp of the engine's clock.</param>
    public void Add(in OutputRecord record, ReadOnlySpan<int> topIds, ReadOnlySpan<float> topLogprobs, long at)
    {
        lock (_gate)
        {
            if (record is { IsPrompt: false, TokenId: >= 0 })
            {
                _pending.TokensAt = (_pending.TokensAt?.First ?? at, at);
            }
            _pending.Records.Add(record);
            _pending.TopIds.AddRange(topIds);
            _pending.TopLogprobs.AddRange(topLogprobs);
            Notify();
        }
    }

    /// <summary>Engine thread. An output ends without a token.</summary>
    public void End(int outputIndex, FinishReason reason) => Add(new OutputRecord(outputIndex, -1, 0, 0, 0, IsPrompt: false, reason), [], [], at: 0);

    /// <summary>Engine thread. The request ends; its reader throws the exception.</summary>
    public void Fail(Exception failure)
    {
        lock (_gate)
        {
            _pending.Failure ??= failure;
            Notify();
        }
    }

    /// <summary>Any thread: wakes the reader for a reason of its own (cancellation), now or when it waits next.</summary>
    public void Interrupt()
    {
        lock (_gate)
        {
            _interrupted = true;
            Notify();
        }
    }

    /// <summary>Reader. Exchanges an emptied batch for what has come, if anything has.</summary>
    public bool TryTake(ref OutputBatch batch)
    {
        batch.Clear();
        lock (_gate)
        {
            if (_pending.IsEmpty)
            {
                return false;
            }
            (batch, _pending) = (_pending, batch);
            return true;
        }
    }

    /// <summary>Reader. Completes when there is something to take, or after an interruption. One wait at a time.</summary>
    public ValueTask WaitAsync()
    {
        lock (_gate)
        {
            if (_interrupted || !_pending.IsEmpty)
            {
                return ValueTask.CompletedTask;
            }
            _source.Reset();
            _readerWaits = true;
            return new ValueTask(this, _source.Version);
        }
    }

    void IThreadPoolWorkItem.Execute() => _source.SetResult(true);

    void IValueTaskSource.GetResult(short token) => _source.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);

    private void Notify()
    {
        if (_readerWaits)
        {
            _readerWaits = false;
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }
}
