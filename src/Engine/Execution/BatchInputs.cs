using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using KServePaged.Engine.Kernels;
using KServePaged.Engine.Models;
using KServePaged.Engine.Scheduling;

namespace KServePaged.Engine.Execution;

/// <summary>A step plan as device arrays: filled on the host side by side, sent in one upload. Sized once for the largest step.</summary>
internal sealed class BatchInputs : IDisposable
{
    private const int Alignment = 64;

    private readonly byte[] _host;
    private readonly DeviceBuffer _device;
    private readonly int _blockTokens;
    private int _used;

    public BatchInputs(Device device, int maxTokens, int maxSequences, int maxBlocksPerSequence, int blockTokens)
    {
        _blockTokens = blockTokens;
        _host = new byte[BytesFor(maxTokens, maxSequences, maxBlocksPerSequence)];
        _device = device.Allocate(_host.Length);
    }

    /// <summary>Bytes on the device, and as many on the host.</summary>
    public static int BytesFor(int maxTokens, int maxSequences, int maxBlocksPerSequence) => checked(
        Padded(maxTokens * sizeof(long)) + 3 * Padded(maxTokens * sizeof(int)) + Padded((maxSequences + 1) * sizeof(int)) +
        Padded(maxSequences * sizeof(int)) + Padded(maxSequences * maxBlocksPerSequence * sizeof(int)));

    /// <summary>Sets the step part of <paramref name="context"/>.</summary>
    public void Fill(StepPlan plan, ForwardContext context)
    {
        _used = 0;
        int stride = LargestBlockCount(plan);
        Span<long> slots = Take<long>(plan.TokenCount, out nint slotsAt);
        Span<int> ids = Take<int>(plan.TokenCount, out nint idsAt);
        Span<int> positions = Take<int>(plan.TokenCount, out nint positionsAt);
        Span<int> queryStart = Take<int>(plan.SequenceCount + 1, out nint queryStartAt);
        Span<int> contexts = Take<int>(plan.SequenceCount, out nint contextsAt);
        Span<int> logitTokens = Take<int>(plan.LogitCount, out nint logitTokensAt);
        Span<int> tables = Take<int>(plan.SequenceCount * stride, out nint tablesAt);
        int token = 0;
        int row = 0;
        int maxContext = 0;
        for (int s = 0; s < plan.SequenceCount; s++)
        {
            ScheduledSequence item = plan[s];
            int end = item.Start + item.TokenCount;
            ReadOnlySpan<int> blocks = item.Sequence.Blocks.Blocks;
            queryStart[s] = token;
            contexts[s] = end;
            maxContext = Math.Max(maxContext, end);
            blocks[..BlocksFor(end)].CopyTo(tables[(s * stride)..]);
            item.Sequence.Tokens[item.Start..end].CopyTo(ids[token..]);
            for (int position = item.Start; position < end; position++, token++)
            {
                positions[token] = position;
                slots[token] = ((long)blocks[position / _blockTokens] * _blockTokens) + (position % _blockTokens);
            }
            for (int wanted = token - item.LogitCount; wanted < token; wanted++)
            {
                logitTokens[row++] = wanted;
            }
        }
        queryStart[plan.SequenceCount] = token;
        context.Stream.Write<byte>(_device.Address, _host.AsSpan(0, _used));
        context.Tokens = plan.TokenCount;
        context.Sequences = plan.SequenceCount;
        context.MaxContext = maxContext;
        context.TokenIds = idsAt;
        context.Positions = positionsAt;
        context.Slots = slotsAt;
        context.QueryStart = queryStartAt;
        context.Context = contextsAt;
        context.BlockTables = tablesAt;
        context.BlockTableStride = stride;
        context.LogitTokens = plan.LogitCount == plan.TokenCount ? 0 : logitTokensAt;
    }

    public void Dispose() => _device.Dispose();

    private int LargestBlockCount(StepPlan plan)
    {
        int largest = 0;
        for (int s = 0; s < plan.SequenceCount; s++)
        {
            largest = Math.Max(largest, BlocksFor(plan[s].Start + plan[s].TokenCount));
        }
        return largest;
    }

    private int BlocksFor(int tokens) => (tokens + _blockTokens - 1) / _blockTokens;

    private Span<T> Take<T>(int count, out nint deviceAddress)
        where T : unmanaged
    {
        int bytes = checked(count * Unsafe.SizeOf<T>());
        Span<byte> section = _host.AsSpan(_used, bytes);
        deviceAddress = _device.Address + _used;
        _used += Padded(bytes);
        return MemoryMarshal.Cast<byte, T>(section);
    }

    private static int Padded(int bytes) => (bytes + Alignment - 1) / Alignment * Alignment;
}
