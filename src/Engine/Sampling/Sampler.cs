using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using KServePaged.Engine.Kernels;

namespace KServePaged.Engine.Sampling;

/// <summary>
/// Runs the sampling kernel over a batch of rows: one upload, one kernel, one read-back. Its buffers grow and never shrink, so that a steady
/// step allocates nothing. Engine thread only.
/// </summary>
internal sealed class Sampler(Device device, int vocabularySize) : IDisposable
{
    private const int Alignment = 64;

    private byte[] _upload = [];
    private byte[] _download = [];
    private DeviceBuffer? _input;
    private DeviceBuffer? _output;
    private DeviceBuffer? _workspace;
    private int _rowCount;
    private int _maxTop;

    /// <summary>[rows] chosen or given ids; -1 where the logits held a NaN or no finite number. Valid until the next call, like the others.</summary>
    public ReadOnlySpan<int> Tokens => Section<int>(0, _rowCount);

    public ReadOnlySpan<float> Logprobs => Section<float>(1, _rowCount);

    public ReadOnlySpan<int> Ranks => Section<int>(2, _rowCount);

    /// <summary>[rows, maxTop], best first.</summary>
    public ReadOnlySpan<int> TopIds => Section<int>(3, _rowCount * _maxTop);

    public ReadOnlySpan<float> TopLogprobs => Section<float>(4, _rowCount * _maxTop);

    /// <summary>Samples every row; the results are there when it returns.</summary>
    /// <param name="batch">One row for each row of logits.</param>
    /// <param name="stream">On which the logits are being computed.</param>
    /// <param name="logits">[rows, vocabulary] f32 on the device; not changed.</param>
    /// <param name="logitsStride">Elements between rows.</param>
    /// <param name="maxTop">Alternatives that each row of the result has room for.</param>
    public void Sample(SamplingBatch batch, DeviceStream stream, nint logits, long logitsStride, int maxTop)
    {
        _rowCount = batch.RowCount;
        _maxTop = maxTop;
        if (_rowCount == 0)
        {
            return;
        }
        SamplingArguments arguments = Upload(batch, stream);
        arguments.Logits = logits;
        arguments.LogitsStride = logitsStride;
        arguments.Vocabulary = vocabularySize;
        arguments.Rows = _rowCount;
        arguments.MaxTopLogprobs = maxTop;
        Grow(stream, ref _workspace, device.SampleWorkspaceBytes(_rowCount, vocabularySize));
        arguments.Workspace = _workspace!.Address; // Grow leaves a buffer
        arguments.WorkspaceBytes = _workspace.Bytes;
        int downloadBytes = checked((int)Offset(5));
        Grow(stream, ref _output, downloadBytes);
        arguments.Token = _output!.Address + (nint)Offset(0); // as above
        arguments.Logprob = _output.Address + (nint)Offset(1);
        arguments.Rank = _output.Address + (nint)Offset(2);
        arguments.TopIds = _output.Address + (nint)Offset(3);
        arguments.TopLogprobs = _output.Address + (nint)Offset(4);
        stream.Sample(in arguments);
        Grow(ref _download, downloadBytes);
        stream.ReadAndSynchronize(_output.Address, _download.AsSpan(0, downloadBytes));
    }

    public void Dispose()
    {
        _input?.Dispose();
        _output?.Dispose();
        _workspace?.Dispose();
    }

    private SamplingArguments Upload(SamplingBatch batch, DeviceStream stream)
    {
        long bytes = 0;
        long rows = Reserve<SamplingRow>(batch.RowCount, ref bytes);
        long history = Reserve<int>(batch.History.Length, ref bytes);
        long counts = Reserve<int>(batch.HistoryCounts.Length, ref bytes);
        long biasIds = Reserve<int>(batch.BiasIds.Length, ref bytes);
        long biasValues = Reserve<float>(batch.BiasValues.Length, ref bytes);
        long banned = Reserve<int>(batch.BannedIds.Length, ref bytes);
        Grow(ref _upload, checked((int)bytes));
        Grow(stream, ref _input, bytes);
        Put(batch.Rows, rows);
        Put(batch.History, history);
        Put(batch.HistoryCounts, counts);
        Put(batch.BiasIds, biasIds);
        Put(batch.BiasValues, biasValues);
        Put(batch.BannedIds, banned);
        nint address = _input!.Address; // Grow leaves a buffer
        stream.Write<byte>(address, _upload.AsSpan(0, (int)bytes));
        return new SamplingArguments
        {
            Row = address + (nint)rows,
            History = address + (nint)history,
            HistoryOutputCounts = address + (nint)counts,
            BiasIds = address + (nint)biasIds,
            BiasValues = address + (nint)biasValues,
            BannedIds = address + (nint)banned,
        };
    }

    private static long Reserve<T>(int count, ref long bytes)
        where T : unmanaged
    {
        long offset = bytes;
        bytes += Padded((long)count * Unsafe.SizeOf<T>());
        return offset;
    }

    private void Put<T>(ReadOnlySpan<T> values, long offset)
        where T : unmanaged => MemoryMarshal.AsBytes(values).CopyTo(_upload.AsSpan((int)offset));

    // The result: three arrays of a word a row, then two of maxTop words a row.
    private long Offset(int section)
    {
        long row = Padded((long)_rowCount * sizeof(int));
        long top = Padded((long)_rowCount * _maxTop * sizeof(int));
        return section <= 3 ? section * row : 3 * row + (section - 3) * top;
    }

    private ReadOnlySpan<T> Section<T>(int section, int count)
        where T : unmanaged => MemoryMarshal.Cast<byte, T>(_download.AsSpan((int)Offset(section), count * sizeof(int)));

    private static long Padded(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;

    private static void Grow(ref byte[] array, int bytes)
    {
        if (bytes > array.Length)
        {
            array = new byte[Math.Max(bytes, array.Length * 2)];
        }
    }

    // Half more than asked for, so that a batch that grows row by row does not allocate row by row.
    private void Grow(DeviceStream stream, ref DeviceBuffer? buffer, long bytes)
    {
        if (buffer is null || bytes > buffer.Bytes)
        {
            stream.Synchronize(); // memory is freed on an idle device only
            buffer?.Dispose();
            buffer = null;
            buffer = device.Allocate(Math.Max(Padded(bytes + bytes / 2), Alignment));
        }
    }
}
