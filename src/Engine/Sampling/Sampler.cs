using KServePaged.Engine.Kernels;

namespace KServePaged.Engine.Sampling;

/// <summary>
/// Runs the sampling kernel over a batch of rows. Its memory is taken once, but for the lists of penalties and biases, so that a step can be
/// recorded and allocates nothing. Engine thread only.
/// </summary>
internal sealed class Sampler : IDisposable
{
    private readonly int _vocabularySize;
    private readonly SampledRows _most;
    private readonly DeviceBuffer _output;
    private readonly DeviceBuffer _workspace;
    private readonly DeviceList<int> _history;
    private readonly DeviceList<int> _historyCounts;
    private readonly DeviceList<int> _biasIds;
    private readonly DeviceList<float> _biasValues;
    private readonly DeviceList<int> _bannedIds;

    /// <param name="most">The most rows and alternatives of a call.</param>
    public Sampler(Device device, int vocabularySize, SampledRows most)
    {
        _vocabularySize = vocabularySize;
        _most = most;
        _output = device.Allocate(most.Bytes);
        _workspace = device.Allocate(device.SampleWorkspaceBytes(most.Rows, vocabularySize));
        _history = new(device);
        _historyCounts = new(device);
        _biasIds = new(device);
        _biasValues = new(device);
        _bannedIds = new(device);
    }

    /// <summary>Where the last call leaves its tokens: [rows] i32, -1 for a row without a number.</summary>
    public nint Tokens => _output.Address;

    /// <summary>Times that memory moved which a recorded call would read.</summary>
    public int MoveCount => _history.MoveCount + _historyCounts.MoveCount + _biasIds.MoveCount + _biasValues.MoveCount + _bannedIds.MoveCount;

    /// <summary>Enqueues the copies of what the batch's rows point into.</summary>
    public void SendLists(DeviceStream stream, SamplingBatch batch)
    {
        _history.Send(stream, batch.History);
        _historyCounts.Send(stream, batch.HistoryCounts);
        _biasIds.Send(stream, batch.BiasIds);
        _biasValues.Send(stream, batch.BiasValues);
        _bannedIds.Send(stream, batch.BannedIds);
    }

    /// <summary>Enqueues the kernel.</summary>
    /// <param name="stream">On which the logits are being computed.</param>
    /// <param name="results">Of this call.</param>
    /// <param name="rows">[rows] of <see cref="SamplingRow"/> on the device.</param>
    /// <param name="logits">[rows, vocabulary] f32 on the device; not changed.</param>
    /// <param name="logitsStride">Elements between rows.</param>
    public void Enqueue(DeviceStream stream, SampledRows results, nint rows, nint logits, long logitsStride)
    {
        if (results.Rows > _most.Rows || results.MaxTop > _most.MaxTop)
        {
            throw new InvalidOperationException(
                $"{results.Rows} rows with {results.MaxTop} alternatives exceed the planned {_most.Rows} with {_most.MaxTop}.");
        }
        nint output = _output.Address;
        stream.Sample(new SamplingArguments
        {
            Logits = logits,
            LogitsStride = logitsStride,
            Vocabulary = _vocabularySize,
            Row = rows,
            History = _history.Address,
            HistoryOutputCounts = _historyCounts.Address,
            BiasIds = _biasIds.Address,
            BiasValues = _biasValues.Address,
            BannedIds = _bannedIds.Address,
            Token = output,
            Logprob = output + results.LogprobsAt,
            Rank = output + results.RanksAt,
            TopIds = output + results.TopIdsAt,
            TopLogprobs = output + results.TopLogprobsAt,
            Workspace = _workspace.Address,
            WorkspaceBytes = _workspace.Bytes,
            Rows = results.Rows,
            MaxTopLogprobs = results.MaxTop,
        });
    }

    /// <summary>Enqueues the copy of all results to host memory, <see cref="SampledRows.Bytes"/> of it.</summary>
    public void Read(DeviceStream stream, SampledRows results, nint host) => stream.Read(_output.Address, host, results.Bytes);

    public void Dispose()
    {
        _output.Dispose();
        _workspace.Dispose();
        _history.Dispose();
        _historyCounts.Dispose();
        _biasIds.Dispose();
        _biasValues.Dispose();
        _bannedIds.Dispose();
    }
}
