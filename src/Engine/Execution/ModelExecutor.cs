using KServePaged.Engine.Kernels;
using KServePaged.Engine.Scheduling;

namespace KServePaged.Engine.Execution;

/// <summary>
/// Runs a planned step: one upload, forward pass and sampling, one copy back. On a device with graphs a step that only decodes is rounded up to
/// a shape of the ladder, and is one launch once that shape is recorded.
/// </summary>
internal sealed class ModelExecutor : IStepExecutor, IDisposable
{
    // Larger ones, of very many sequences of very long contexts, are grown into.
    private const long MostReservedBytes = 64L << 20;

    private readonly ForwardPass _forward;
    private readonly StepSampler _sampler;
    private readonly StepUpload _upload;
    private readonly ShapeLadder? _ladder;
    private readonly StepGraphs? _graphs;
    private readonly StepUnderWay[] _underWay = [new(), new()];
    private readonly int _blockTokens;
    private long _begunCount;
    private long _completeCount;
    private int _moveCount;

    public ModelExecutor(ForwardPass forward, StepSampler sampler, StepUpload upload, EnginePlan plan)
    {
        _forward = forward;
        _sampler = sampler;
        _upload = upload;
        _blockTokens = plan.BlockTokens;
        if (forward.Stream.Device.Info.HasGraphs)
        {
            _ladder = new ShapeLadder(Math.Min(plan.MaxSequences, plan.MaxBatchedTokens), plan.MaxModelLength, plan.BlockTokens);
            _graphs = new StepGraphs(forward.Stream, Lay, Enqueue);
            long bytes = BytesFor(_ladder.Rung(plan.MaxSequences, plan.MaxModelLength, 0));
            _upload.Begin(Math.Min(bytes, MostReservedBytes));
            _moveCount = MoveCount;
        }
    }

    /// <summary>For whoever wants the logits themselves.</summary>
    public ForwardPass Forward => _forward;

    /// <summary>Decode steps that are one launch.</summary>
    public int GraphCount => _graphs?.Count ?? 0;

    public bool RunsAhead => _graphs is not null;

    private int MoveCount => _upload.MoveCount + _sampler.MoveCount;

    public void Begin(StepPlan plan, StepResult result)
    {
        if (_begunCount - _completeCount == _underWay.Length)
        {
            throw new InvalidOperationException($"{_underWay.Length} steps are under way already.");
        }
        StepShape? rung = _ladder?.RungOf(plan, result.MaxTopLogprobs);
        StepShape shape = rung ?? StepShape.Of(plan, _blockTokens, result.MaxTopLogprobs);
        Lay(shape);
        _forward.Fill(plan);
        _sampler.Fill(plan, _forward.Stream);
        _upload.Send();
        ForgetMovedGraphs();
        if (rung is null || _graphs is null)
        {
            Enqueue(shape);
        }
        else
        {
            _graphs.Run(shape);
        }
        _underWay[_begunCount++ % _underWay.Length].Begin(_sampler, shape, plan.LogitCount, _forward.Stream, result);
    }

    public void Complete() => _underWay[_completeCount++ % _underWay.Length].Complete(_forward.Stream);

    public bool Prepare() => _graphs is not null && _graphs.RecordNext();

    /// <summary>Before its parts.</summary>
    public void Dispose() => _graphs?.Dispose();

    private static long BytesFor(StepShape shape) => BatchInputs.BytesFor(shape) + StepSampler.BytesFor(shape);

    private void Lay(StepShape shape)
    {
        _upload.Begin(BytesFor(shape));
        _forward.Lay(shape);
        _sampler.Lay(shape);
        ForgetMovedGraphs();
    }

    private void Enqueue(StepShape shape)
    {
        _forward.Enqueue(shape);
        _sampler.Enqueue(shape, _forward.Stream, _forward.Logits);
    }

    private void ForgetMovedGraphs()
    {
        if (_graphs is not null && MoveCount != _moveCount)
        {
            _moveCount = MoveCount;
            _graphs.Forget();
        }
    }
}
