using KServePaged.Engine.Kernels;

namespace KServePaged.Engine.Execution;

/// <summary>
/// Recorded steps by their shape. A step whose shape is not recorded yet is enqueued call by call, and counted: when there is time, the shape
/// that was needed most is recorded next. Engine thread only.
/// </summary>
/// <param name="stream">Where steps run.</param>
/// <param name="lay">Takes the sections of a shape; may move memory, after which what was recorded before must be forgotten.</param>
/// <param name="enqueue">Enqueues all calls of a step whose sections are laid.</param>
internal sealed class StepGraphs(DeviceStream stream, Action<StepShape> lay, Action<StepShape> enqueue) : IDisposable
{
    /// <summary>A graph of a large model holds some megabytes of the driver's memory.</summary>
    public const int MostGraphs = 96;

    // A shape that was met once may be one that a growing batch only passes.
    private const int WorthRecording = 2;

    private readonly Dictionary<StepShape, Recording> _recordings = [];
    private bool _isFull;

    /// <summary>Recorded shapes.</summary>
    public int Count { get; private set; }

    /// <summary>Enqueues the step, whose sections are laid and sent.</summary>
    public void Run(StepShape shape)
    {
        if (!_recordings.TryGetValue(shape, out Recording? recording))
        {
            _recordings.Add(shape, recording = new Recording());
        }
        recording.UseCount++;
        if (recording.Graph is { } graph)
        {
            stream.Launch(graph);
        }
        else
        {
            enqueue(shape);
        }
    }

    /// <summary>Records the shape that was used most of those that are not recorded.</summary>
    /// <returns>False when no shape is worth it.</returns>
    public bool RecordNext()
    {
        if (_isFull || MostUsed() is not { } shape)
        {
            return false;
        }
        lay(shape);
        try
        {
            _recordings[shape].Graph = stream.Record(() => enqueue(shape));
            Count++;
            _isFull = Count == MostGraphs;
        }
        catch (KernelException exception) when (exception.Status == KernelStatus.OutOfMemory)
        {
            _isFull = true; // steps run without, as those before did
        }
        return true;
    }

    /// <summary>Memory moved: what was recorded reads the old one.</summary>
    public void Forget()
    {
        foreach (Recording recording in _recordings.Values)
        {
            recording.Graph?.Dispose();
            recording.Graph = null;
        }
        Count = 0;
        _isFull = false;
    }

    public void Dispose() => Forget();

    private StepShape? MostUsed()
    {
        StepShape? most = null;
        long uses = WorthRecording - 1;
        foreach ((StepShape shape, Recording recording) in _recordings)
        {
            if (recording.Graph is null && recording.UseCount > uses)
            {
                (most, uses) = (shape, recording.UseCount);
            }
        }
        return most;
    }

    private sealed class Recording
    {
        public long UseCount { get; set; }

        public DeviceGraph? Graph { get; set; }
    }
}
