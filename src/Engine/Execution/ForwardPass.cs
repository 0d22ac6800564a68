using KServePaged.Engine.Kernels;
using KServePaged.Engine.Models;
using KServePaged.Engine.Scheduling;

namespace KServePaged.Engine.Execution;

/// <summary>Plan → logits on the device. Engine thread only.</summary>
internal sealed class ForwardPass : IDisposable
{
    private readonly DecoderModel _model;
    private readonly BatchInputs _inputs;
    private readonly ForwardContext _context;
    private readonly WorkingMemory _memory;
    private readonly DeviceBuffer _logits;
    private readonly EnginePlan _plan;

    public ForwardPass(DecoderSpec spec, DecoderModel model, EnginePlan plan, DeviceStream stream, KvCacheMemory cache)
    {
        _plan = plan;
        _model = model;
        VocabularySize = spec.VocabularySize;
        _memory = new WorkingMemory(spec, plan.Limits);
        _inputs = new BatchInputs(stream, plan.BlockTokens);
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
        };
    }

    public DeviceStream Stream => _context.Stream;

    /// <summary>Elements of a row of logits.</summary>
    public int VocabularySize { get; }

    /// <summary>Computes the plan's tokens and its logit rows.</summary>
    /// <returns>The address of [plan.LogitCount, vocabulary] f32 on the device, valid until the next call.</returns>
    /// <exception cref="InvalidOperationException">The plan is larger than what memory was taken for.</exception>
    public nint Run(StepPlan plan)
    {
        if (plan.TokenCount > _plan.MaxBatchedTokens || plan.SequenceCount > _plan.MaxSequences || plan.LogitCount > _plan.Limits.LogitRows)
        {
            throw new InvalidOperationException(
                $"A step of {plan.TokenCount} tokens, {plan.SequenceCount} sequences and {plan.LogitCount} logit rows exceeds the planned " +
                $"{_plan.MaxBatchedTokens}, {_plan.MaxSequences} and {_plan.Limits.LogitRows}.");
        }
        _inputs.Fill(plan, _context);
        _model.Forward(_context);
        if (plan.LogitCount > 0)
        {
            _model.Logits(_context, plan.LogitCount, _logits.Address);
        }
        return _logits.Address;
    }

    public void Dispose()
    {
        _inputs.Dispose();
        _logits.Dispose();
        _memory.Dispose();
    }
}
