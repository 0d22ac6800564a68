using KServePaged.Engine.Kernels;
using KServePaged.Engine.Models;
using KServePaged.Engine.Scheduling;

namespace KServePaged.Engine.Execution;

/// <summary>Plan → logits on the device. Engine thread only.</summary>
internal sealed class ForwardPass : IDisposable
{
    private readonly DecoderModel _model;
    private readonly StepUpload _upload;
    private readonly BatchInputs _inputs;
    private readonly ForwardContext _context;
    private readonly WorkingMemory _memory;
    private readonly DeviceBuffer _logits;
    private readonly EnginePlan _plan;

    /// <param name="upload">Takes what the model reads of a step.</param>
    /// <param name="sampledTokens">Where sampling leaves a step's tokens.</param>
    public ForwardPass(
        DecoderSpec spec, DecoderModel model, EnginePlan plan, DeviceStream stream, KvCacheMemory cache, StepUpload upload, nint sampledTokens)
    {
        _plan = plan;
        _model = model;
        _upload = upload;
        _memory = new WorkingMemory(spec, plan.Limits);
        _inputs = new BatchInputs(upload, plan.BlockTokens);
        _logits = plan.Limits.Device.Allocate(plan.LogitsBytes(spec));
        _context = new ForwardContext
        {
            Stream = stream,
            ComputeType = plan.Limits.ComputeType,
            HiddenSize = spec.HiddenSize,
            BlockTokens = plan.BlockTokens,
            CacheType = cache.Type,
            BlockStride = cache.BlockStride,
            KeyCaches = cache.Keys,
            ValueCaches = cache.Values,
            Residual = _memory.Residual,
            Delta = _memory.Delta,
            Normed = _memory.Normed,
            Scratch = _memory.Scratch,
            SampledTokens = sampledTokens,
        };
    }

    public DeviceStream Stream => _context.Stream;

    /// <summary>[logit rows, vocabulary] f32 on the device.</summary>
    public nint Logits => _logits.Address;

    /// <summary>Takes the sections of a step of this shape.</summary>
    /// <exception cref="InvalidOperationException">It is larger than what memory was taken for.</exception>
    public void Lay(StepShape shape)
    {
        if (shape.Tokens > _plan.MaxBatchedTokens || shape.Sequences > _plan.MaxSequences || shape.LogitRows > _plan.Limits.LogitRows)
        {
            throw new InvalidOperationException(
                $"A step of {shape.Tokens} tokens, {shape.Sequences} sequences and {shape.LogitRows} logit rows exceeds the planned " +
                $"{_plan.MaxBatchedTokens}, {_plan.MaxSequences} and {_plan.Limits.LogitRows}.");
        }
        _inputs.Lay(shape, _context);
    }

    /// <summary>Writes the plan into the sections laid last.</summary>
    public void Fill(StepPlan plan) => _inputs.Fill(plan);

    /// <summary>Enqueues the model over the sections laid last, up to <see cref="Logits"/>.</summary>
    public void Enqueue(StepShape shape)
    {
        _model.Forward(_context);
        if (shape.LogitRows > 0)
        {
            _model.Logits(_context, shape.LogitRows, _logits.Address);
        }
    }

    /// <summary>Computes the plan's tokens and its logit rows, alone.</summary>
    /// <returns><see cref="Logits"/>, valid until the next call.</returns>
    public nint Run(StepPlan plan)
    {
        StepShape shape = StepShape.Of(plan, _plan.BlockTokens, maxTopLogprobs: 0);
        _upload.Begin(BatchInputs.BytesFor(shape));
        Lay(shape);
        Fill(plan);
        _upload.Send();
        Enqueue(shape);
        return Logits;
    }

    public void Dispose()
    {
        _logits.Dispose();
        _memory.Dispose();
    }
}
