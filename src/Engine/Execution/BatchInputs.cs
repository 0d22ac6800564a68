using KServePaged.Engine.Models;
using KServePaged.Engine.Scheduling;

namespace KServePaged.Engine.Execution;

/// <summary>A step plan as the device arrays that a model reads.</summary>
/// <param name="upload">Takes them.</param>
/// <param name="blockTokens">Tokens per block.</param>
internal sealed class BatchInputs(StepUpload upload, int blockTokens)
{
    private UploadSection _slots;
    private UploadSection _ids;
    private UploadSection _positions;
    private UploadSection _queryStart;
    private UploadSection _contexts;
    private UploadSection _logitTokens;
    private UploadSection _tables;
    private StepShape _shape;

    /// <summary>Bytes of the arrays.</summary>
    public static long BytesFor(StepShape shape) =>
        StepUpload.SizeOf<long>(shape.Tokens) + (2 * StepUpload.SizeOf<int>(shape.Tokens)) + StepUpload.SizeOf<int>(shape.Sequences + 1) +
        StepUpload.SizeOf<int>(shape.Sequences) + StepUpload.SizeOf<int>(shape.LogitRows) +
        StepUpload.SizeOf<int>((long)shape.Sequences * shape.TableBlocks);

    /// <summary>Takes the sections, and sets the step part of <paramref name="context"/> to them.</summary>
    public void Lay(StepShape shape, ForwardContext context)
    {
        _shape = shape;
        _slots = upload.Take<long>(shape.Tokens);
        _ids = upload.Take<int>(shape.Tokens);
        _positions = upload.Take<int>(shape.Tokens);
        _queryStart = upload.Take<int>(shape.Sequences + 1);
        _contexts = upload.Take<int>(shape.Sequences);
        _logitTokens = upload.Take<int>(shape.LogitRows);
        _tables = upload.Take<int>(checked(shape.Sequences * shape.TableBlocks));
        context.Tokens = shape.Tokens;
        context.Sequences = shape.Sequences;
        context.MaxContext = shape.MaxContext;
        context.TokenIds = _ids.Address;
        context.Positions = _positions.Address;
        context.Slots = _slots.Address;
        context.QueryStart = _queryStart.Address;
        context.Context = _contexts.Address;
        context.BlockTables = _tables.Address;
        context.BlockTableStride = shape.TableBlocks;
        context.LogitRows = shape.LogitRows;
        context.LogitTokens = shape.LogitRows == shape.Tokens ? 0 : _logitTokens.Address;
    }

    /// <summary>Writes the plan into the sections laid last.</summary>
    public void Fill(StepPlan plan)
    {
        Span<int> queryStart = upload.HostOf<int>(_queryStart);
        Span<int> contexts = upload.HostOf<int>(_contexts);
        Span<int> logitTokens = upload.HostOf<int>(_logitTokens);
        Span<int> tables = upload.HostOf<int>(_tables);
        int token = 0;
        int row = 0;
        for (int s = 0; s < plan.SequenceCount; s++)
        {
            ScheduledSequence item = plan[s];
            int end = item.Start + item.TokenCount;
            queryStart[s] = token;
            contexts[s] = end;
            item.Sequence.Blocks.Blocks[..EnginePlan.BlocksFor(end, blockTokens)].CopyTo(tables[(s * _shape.TableBlocks)..]);
            FillTokens(item, token);
            token += item.TokenCount;
            for (int wanted = token - item.LogitCount; wanted < token; wanted++)
            {
                logitTokens[row++] = wanted;
            }
        }
        Pad(plan.SequenceCount, token);
    }

    private void FillTokens(in ScheduledSequence item, int token)
    {
        Span<long> slots = upload.HostOf<long>(_slots).Slice(token, item.TokenCount);
        Span<int> ids = upload.HostOf<int>(_ids).Slice(token, item.TokenCount);
        Span<int> positions = upload.HostOf<int>(_positions).Slice(token, item.TokenCount);
        ReadOnlySpan<int> blocks = item.Sequence.Blocks.Blocks;
        if (item.FedFrom >= 0)
        {
            ids[0] = -1 - item.FedFrom;
        }
        else
        {
            item.Sequence.Tokens.Slice(item.Start, item.TokenCount).CopyTo(ids);
        }
        for (int i = 0; i < item.TokenCount; i++)
        {
            int position = item.Start + i;
            positions[i] = position;
            slots[i] = ((long)blocks[position / blockTokens] * blockTokens) + (position % blockTokens);
        }
    }

    // Sequences of one token that is cached nowhere and sees the first one of block 0, whatever that is: nobody looks at their rows.
    private void Pad(int sequences, int tokens)
    {
        Span<int> queryStart = upload.HostOf<int>(_queryStart);
        upload.HostOf<long>(_slots)[tokens..].Fill(-1);
        upload.HostOf<int>(_ids)[tokens..].Clear();
        upload.HostOf<int>(_positions)[tokens..].Clear();
        upload.HostOf<int>(_contexts)[sequences..].Fill(1);
        upload.HostOf<int>(_tables)[(sequences * _shape.TableBlocks)..].Clear();
        for (int s = sequences; s <= _shape.Sequences; s++)
        {
            queryStart[s] = tokens + s - sequences;
        }
    }
}
