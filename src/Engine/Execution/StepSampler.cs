using KServePaged.Engine.Kernels;
using KServePaged.Engine.Sampling;
using KServePaged.Engine.Scheduling;

namespace KServePaged.Engine.Execution;

/// <summary>Samples the logit rows of a step: rows in plan order, each sequence's scored prompt tokens before the row that draws.</summary>
internal sealed class StepSampler(Device device, int vocabularySize) : IDisposable
{
    private readonly SamplingBatch _batch = new();
    private readonly Sampler _sampler = new(device, vocabularySize);

    /// <summary>Fills <paramref name="result"/>; complete when it returns.</summary>
    /// <param name="plan">The step; its <see cref="StepPlan.LogitCount"/> rows are sampled.</param>
    /// <param name="stream">On which the logits are being computed.</param>
    /// <param name="logits">[plan.LogitCount, vocabulary] f32 on the device; not changed.</param>
    /// <param name="logitsStride">Elements between rows.</param>
    /// <param name="result">Has room for the rows.</param>
    public void Sample(StepPlan plan, DeviceStream stream, nint logits, long logitsStride, StepResult result)
    {
        _batch.Clear();
        for (int i = 0; i < plan.SequenceCount; i++)
        {
            AddRows(plan[i]);
        }
        _sampler.Sample(_batch, stream, logits, logitsStride, result.MaxTopLogprobs);
        result.RowCount = _batch.RowCount;
        _sampler.Tokens.CopyTo(result.Tokens);
        _sampler.Logprobs.CopyTo(result.Logprobs);
        _sampler.Ranks.CopyTo(result.Ranks);
        _sampler.TopIds.CopyTo(result.TopIds);
        _sampler.TopLogprobs.CopyTo(result.TopLogprobs);
    }

    public void Dispose() => _sampler.Dispose();

    private void AddRows(in ScheduledSequence item)
    {
        int end = item.Start + item.TokenCount;
        int scoreEnd = item.Samples ? end - 1 : end;
        for (int position = end - item.LogitCount; position < scoreEnd; position++)
        {
            item.Sequence.Sampling.AddScore(_batch, item.Sequence.Tokens[position + 1]);
        }
        if (item.Samples)
        {
            item.Sequence.Sampling.AddDraw(_batch);
        }
    }
}
