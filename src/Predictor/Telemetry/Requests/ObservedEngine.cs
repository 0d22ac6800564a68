using System.Runtime.CompilerServices;
using KServePaged.Engine;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Telemetry.Traces;

namespace KServePaged.Predictor.Telemetry.Requests;

/// <summary>An engine whose generations are noted for traces and for the log of requests. Without either, nobody puts it before one.</summary>
internal sealed class ObservedEngine(ILlmEngine engine, string model, Tracing tracing, int? contentLength, TimeProvider clock) : ILlmEngine
{
    public ModelInfo Model => engine.Model;

    public ITextCodec Text => engine.Text;

    public EngineStatistics Statistics => engine.Statistics;

    public Exception? Failure => engine.Failure;

    public async IAsyncEnumerable<GenerationDelta> GenerateAsync(GenerationRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        RequestRecord? owner = RequestRecord.Current;
        var record = new GenerationRecord(model, request, clock.GetUtcNow(), contentLength);
        IAsyncEnumerator<GenerationDelta> deltas = engine.GenerateAsync(request, cancellationToken).GetAsyncEnumerator(cancellationToken);
        try
        {
            while (await MoveAsync(deltas, record).ConfigureAwait(false))
            {
                yield return deltas.Current;
            }
        }
        finally
        {
            await deltas.DisposeAsync().ConfigureAwait(false);
            record.End(clock.GetUtcNow());
            owner?.Add(record);
            tracing.Write(record, owner?.Span);
        }
    }

    public Task DrainAsync(CancellationToken cancellationToken) => engine.DrainAsync(cancellationToken);

    public ValueTask DisposeAsync() => engine.DisposeAsync();

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private static async ValueTask<bool> MoveAsync(IAsyncEnumerator<GenerationDelta> deltas, GenerationRecord record)
    {
        try
        {
            if (!await deltas.MoveNextAsync().ConfigureAwait(false))
            {
                return false;
            }
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            record.Fail(e);
            throw;
        }
        record.Add(deltas.Current);
        return true;
    }
}
