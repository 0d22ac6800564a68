using System.Runtime.InteropServices;
using KServePaged.Engine.Kernels;
using KServePaged.Engine.Sampling;

namespace KServePaged.Engine.Execution;

/// <summary>A step that was begun: when it will have run, and where its sampled rows go. Reused.</summary>
internal sealed class StepUnderWay
{
    private byte[] _bytes = [];
    private SampledRows _rows;
    private int _rowCount;
    private StepResult? _result;
    private long _mark;

    /// <summary>Enqueues the way back of what was enqueued for the step.</summary>
    /// <param name="sampler">Has the results on the device.</param>
    /// <param name="shape">That the step was run in.</param>
    /// <param name="rowCount">Rows of the plan; what the shape has beyond is left out.</param>
    /// <param name="stream">The step's.</param>
    /// <param name="result">Gets them with <see cref="Complete"/>.</param>
    public void Begin(StepSampler sampler, StepShape shape, int rowCount, DeviceStream stream, StepResult result)
    {
        _rows = StepSampler.ResultsOf(shape);
        _rowCount = rowCount;
        _result = result;
        if (rowCount > 0)
        {
            if (_rows.Bytes > _bytes.Length)
            {
                _bytes = GC.AllocateUninitializedArray<byte>(Math.Max(_rows.Bytes, 2 * _bytes.Length), pinned: true);
            }
            sampler.Read(shape, stream, Marshal.UnsafeAddrOfPinnedArrayElement(_bytes, 0));
        }
        _mark = stream.Mark();
    }

    /// <summary>Waits for the step, and for nothing behind it.</summary>
    public void Complete(DeviceStream stream)
    {
        StepResult result = _result ?? throw new InvalidOperationException("No step is under way.");
        _result = null;
        stream.Wait(_mark);
        result.RowCount = _rowCount;
        int alternatives = _rowCount * _rows.MaxTop;
        if (_rowCount > 0)
        {
            _rows.Tokens(_bytes)[.._rowCount].CopyTo(result.Tokens);
            _rows.Logprobs(_bytes)[.._rowCount].CopyTo(result.Logprobs);
            _rows.Ranks(_bytes)[.._rowCount].CopyTo(result.Ranks);
            _rows.TopIds(_bytes)[..alternatives].CopyTo(result.TopIds);
            _rows.TopLogprobs(_bytes)[..alternatives].CopyTo(result.TopLogprobs);
        }
    }
}
