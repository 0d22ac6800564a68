using System.Runtime.CompilerServices;
using System.Threading.Channels;
using KServePaged.Engine;
using KServePaged.Engine.Contracts;

namespace KServePaged.Predictor.Hosting;

/// <summary>Generations of several prompts that belong to one call: accepted together or refused together, read as one stream.</summary>
internal sealed class GenerationBatch : IAsyncDisposable
{
    private readonly CancellationTokenSource _abort;
    private readonly IAsyncEnumerator<GenerationDelta>[] _generations;
    private Task[] _pumps = [];

    private GenerationBatch(IAsyncEnumerator<GenerationDelta>[] generations, CancellationTokenSource abort)
    {
        _generations = generations;
        _abort = abort;
    }

    /// <summary>The start delta of each prompt.</summary>
    public IReadOnlyList<GenerationDelta> Starts { get; private set; } = [];

    /// <summary>Starts all and waits until each is accepted, so that any refusal is thrown before an answer has begun.</summary>
    /// <exception cref="RequestException">The first refusal; the other generations are aborted.</exception>
    public static async Task<GenerationBatch> StartAsync(
        ILlmEngine engine, IReadOnlyList<GenerationRequest> requests, CancellationToken cancellationToken)
    {
        var abort = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var batch = new GenerationBatch([.. requests.Select(request => engine.GenerateAsync(request, abort.Token).GetAsyncEnumerator(abort.Token))], abort);
        Task<bool>[] starts = [.. batch._generations.Select(generation => generation.MoveNextAsync().AsTask())];
        try
        {
            foreach (Task<bool> start in starts)
            {
                if (!await start.ConfigureAwait(false))
                {
                    throw new InvalidOperationException("a generation ended before its start delta");
                }
            }
            batch.Starts = [.. batch._generations.Select(generation => generation.Current)];
            return batch;
        }
        catch
        {
            await abort.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(starts).ContinueWith(static _ => { }, TaskScheduler.Default).ConfigureAwait(false); // an iterator must rest to be disposed
            await batch.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>The deltas after the start deltas, each with the index of its prompt, in the order they come. Read it once.</summary>
    public IAsyncEnumerable<(int Prompt, GenerationDelta Delta)> ReadAsync() => _generations.Length == 1 ? ReadOneAsync() : ReadAllAsync();

    public async ValueTask DisposeAsync()
    {
        await _abort.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_pumps).ConfigureAwait(false);
        foreach (IAsyncEnumerator<GenerationDelta> generation in _generations)
        {
            await generation.DisposeAsync().ConfigureAwait(false);
        }
        _abort.Dispose();
    }

    private async IAsyncEnumerable<(int Prompt, GenerationDelta Delta)> ReadOneAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (await _generations[0].MoveNextAsync().ConfigureAwait(false))
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return (0, _generations[0].Current);
        }
    }

    private async IAsyncEnumerable<(int Prompt, GenerationDelta Delta)> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var merged = Channel.CreateBounded<(int, GenerationDelta)>(new BoundedChannelOptions(_generations.Length) { SingleReader = true });
        int open = _generations.Length;
        async Task PumpAsync(int prompt)
        {
            Exception? failure = null;
            try
            {
                while (await _generations[prompt].MoveNextAsync().ConfigureAwait(false))
                {
                    await merged.Writer.WriteAsync((prompt, _generations[prompt].Current), _abort.Token).ConfigureAwait(false);
                }
            }
            catch (Exception e)
            {
                failure = e; // thrown to the reader below
            }
            if (failure is not null || Interlocked.Decrement(ref open) == 0)
            {
                merged.Writer.TryComplete(failure);
            }
        }
        _pumps = [.. Enumerable.Range(0, _generations.Length).Select(PumpAsync)];
        await foreach ((int, GenerationDelta) item in merged.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            yield return item;
        }
    }
}
