using KServePaged.Engine.Kernels;
using KServePaged.Engine.Sampling;
using KServePaged.Engine.Scheduling;

namespace KServePaged.Engine.Execution;

/// <summary>Samples the logit rows of a step: rows in plan order, each sequence's scored prompt tokens before the row that draws.</summary>
/// <param name="device">Where the kernel runs.</param>
/// <param name="vocabularySize">Of the model.</param>
/// <param name="most">The most rows and alternatives of a step.</param>
/// <param name="upload">Takes the rows' parameters.</param>
internal sealed class StepSampler(Device device, int vocabularySize, SampledRows most, StepUpload upload) : IDisposable
{
    private readonly SamplingBatch _batch = new();
    private readonly Sampler _sampler = new(device, vocabularySize, most);
    private UploadSection _rows;

    /// <summary>[logit rows] i32 on the device: what the step before chose.</summary>
    public nint Tokens => _sampler.Tokens;

    /// <summary>Times that memory moved which a recorded step would read.</summary>
    public int MoveCount => _sampler.MoveCount;

    /// <summary>Bytes of the rows' parameters.</summary>
    public static long BytesFor(StepShape shape) => StepUpload.SizeOf<SamplingRow>(shape.LogitRows);

    /// <summary>Takes the section.</summary>
    public void Lay(StepShape shape) => _rows = upload.Take<SamplingRow>(shape.LogitRows);

    /// <summary>Writes the plan's rows into the section laid last, and sends the lists that they point into.</summary>
    public void Fill(StepPlan plan, DeviceStream stream)
    {
        _batch.Clear();
        for (int i = 0; i < plan.SequenceCount; i++)
        {
            AddRows(plan[i]);
        }
        Span<SamplingRow> rows = upload.HostOf<SamplingRow>(_rows);
        _batch.Rows.CopyTo(rows);
        rows[_batch.RowCount..].Fill(SamplingRow.Plain with { Temperature = 0 }); // nobody looks at these: the cheapest
        _sampler.SendLists(stream, _batch);
    }

    /// <summary>Enqueues the kernel over the section laid last.</summary>
    /// <param name="logits">[logit rows, vocabulary] f32 on the device; not changed.</param>
    public void Enqueue(StepShape shape, DeviceStream stream, nint logits)
    {
        if (shape.LogitRows > 0)
        {
            _sampler.Enqueue(stream, ResultsOf(shape), _rows.Address, logits, vocabularySize);
        }
    }

    /// <summary>Enqueues the copy of the results.</summary>
    public void Read(StepShape shape, DeviceStream stream, nint host) => _sampler.Read(stream, ResultsOf(shape), host);

    public static SampledRows ResultsOf(StepShape shape) => new(shape.LogitRows, shape.MaxTopLogprobs);

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
            item.Sequence.Sampling.AddDraw(_batch, item.FedFrom >= 0 ? 1 : 0);
        }
    }
}
