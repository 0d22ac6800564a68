using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using KServePaged.Engine.Kernels;
using KServePaged.Engine.Models;
using KServePaged.Engine.Scheduling;

namespace KServePaged.Engine.Execution;

/// <summary>
/// A step plan as device arrays: filled on the host side by side, sent in one upload. Grows with the block tables, which for the longest
/// context would take hundreds of megabytes, and never shrinks, so that a steady step allocates nothing.
/// </summary>
internal sealed class BatchInputs : IDisposable
{
    private const int Alignment = 64;

    private readonly DeviceStream _stream;
    private readonly int _blockTokens;
    private byte[] _host = [];
    private DeviceBuffer? _device;
    private int _used;

    /// <param name="stream">Gets the uploads.</param>
    /// <param name="blockTokens">Tokens per block.</param>
    public BatchInputs(DeviceStream stream, int blockTokens)
    {
        _stream = stream;
        _blockTokens = blockTokens;
    }

    /// <summary>Bytes of a step's arrays on the device, and as many on the host.</summary>
    /// <param name="tokens">Tokens of the step.</param>
    /// <param name="sequences">Sequences of the step.</param>
    /// <param name="blocks">Entries of each block table.</param>
    public static int BytesFor(int tokens, int sequences, int blocks) => checked(
        Padded(tokens * sizeof(long)) + (3 * Padded(tokens * sizeof(int))) + Padded((sequences + 1) * sizeof(int)) +
        Padded(sequences * sizeof(int)) + Padded(sequences * blocks * sizeof(int)));

    /// <summary>Sets the step part of <paramref name="context"/>.</summary>
    public void Fill(StepPlan plan, ForwardContext context)
    {
        int stride = LargestBlockCount(plan);
        nint device = Reserve(BytesFor(plan.TokenCount, plan.SequenceCount, stride));
        Span<long> slots = Take<long>(plan.TokenCount, device, out nint slotsAt);
        Span<int> ids = Take<int>(plan.TokenCount, device, out nint idsAt);
        Span<int> positions = Take<int>(plan.TokenCount, device, out nint positionsAt);
        Span<int> queryStart = Take<int>(plan.SequenceCount + 1, device, out nint queryStartAt);
        Span<int> contexts = Take<int>(plan.SequenceCount, device, out nint contextsAt);
        Span<int> logitTokens = Take<int>(plan.LogitCount, device, out nint logitTokensAt);
        Span<int> tables = Take<int>(plan.SequenceCount * stride, device, out nint tablesAt);
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
        _stream.Write<byte>(device, _host.AsSpan(0, _used));
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
        context.LogitRows = plan.LogitCount;
        context.LogitTokens = plan.LogitCount == plan.TokenCount ? 0 : logitTokensAt;
    }

    public void Dispose() => _device?.Dispose();

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

    /// <returns>The address of at least so many bytes on the device.</returns>
    private nint Reserve(int bytes)
    {
        _used = 0;
        if (_device is null || bytes > _host.Length)
        {
            _stream.Synchronize(); // memory is freed on an idle device only
            _device?.Dispose();
            _device = null;
            _host = new byte[Math.Max(bytes, (int)Math.Min(2L * _host.Length, Array.MaxLength))];
            _device = _stream.Device.Allocate(_host.Length);
        }
        return _device.Address;
    }

    private Span<T> Take<T>(int count, nint device, out nint deviceAddress)
        where T : unmanaged
    {
        int bytes = checked(count * Unsafe.SizeOf<T>());
        Span<byte> section = _host.AsSpan(_used, bytes);
        deviceAddress = device + _used;
        _used += Padded(bytes);
        return MemoryMarshal.Cast<byte, T>(section);
    }

    private static int Padded(int bytes) => (bytes + Alignment - 1) / Alignment * Alignment;
}
