using System.Globalization;
using KServePaged.Engine.Configuration;
using KServePaged.Engine.Kernels;
using KServePaged.Engine.Weights.Formats;

namespace KServePaged.Engine.Weights;

/// <summary>
/// Brings a checkpoint's tensors onto a device, piece by piece: map, convert or pack, unmap, so that no more than a piece of the file is
/// resident beside the packed weights. Every tensor of the checkpoint is used, or <see cref="Check"/> refuses. Matrices are complete after
/// <see cref="Finish"/> alone: on a GPU several threads load them, so that the file is read, sent and packed at the same time.
/// </summary>
/// <param name="checkpoint">Read until the loader's last call.</param>
/// <param name="format">How the matrices are stored.</param>
/// <param name="storage">How matrices are stored on the device. Tables have its type; vectors are rounded to that too and then kept in f32.</param>
/// <param name="stream">Of the device that gets the weights.</param>
/// <param name="owned">Is given every device object made, to be disposed by its owner.</param>
/// <param name="progress">Told the stage <c>weights</c> with bytes of the checkpoint, by one thread at a time.</param>
/// <param name="cancellationToken">Looked at between two pieces.</param>
internal sealed class WeightLoader(
    Checkpoint checkpoint,
    IWeightFormat format,
    LinearFormat storage,
    DeviceStream stream,
    ICollection<IDisposable> owned,
    IProgress<LoadProgress>? progress,
    CancellationToken cancellationToken) : IDisposable
{
    /// <summary>Small enough for an even progress and little resident memory, large enough to keep all threads packing.</summary>
    private const long PieceBytes = 8L << 20;

    /// <summary>A load onto a GPU ends with a wait for all that is under way, so there should be few.</summary>
    private const long LongPieceBytes = 32L << 20;

    /// <summary>One thread copies out of the page cache at some 10 GB/s, and a bus takes 25 to 50.</summary>
    private const int MostThreads = 4;

    private readonly Lock _lock = new(); // of these two
    private readonly HashSet<string> _loaded = new(StringComparer.Ordinal);
    private long _bytesDone;

    private LoadingThreads? _threads;

    /// <summary>Threads that load matrices beside the caller's; 0 = matrices are loaded when they are asked for.</summary>
    public int ThreadCount { get; init; } = ThreadsFor(stream.Device.Info);

    public DeviceStream Stream => stream;

    public Device Device => stream.Device;

    public LinearFormat Storage => storage;

    /// <summary>Bytes of all tensors that are loaded; set by <see cref="Check"/>.</summary>
    public long BytesTotal { get; private set; }

    /// <summary>Elements of all tensors that are loaded, shared ones once; set by <see cref="Check"/>.</summary>
    public long ParameterCount { get; private set; }

    /// <summary>Threads that load matrices onto such a device. A CPU's own workers share a matrix already.</summary>
    public static int ThreadsFor(DeviceInfo device) => device.HasGraphs ? Math.Min(MostThreads, Environment.ProcessorCount) : 0;

    /// <summary>Compares the checkpoint with what the model needs. Call once, before loading.</summary>
    /// <exception cref="InvalidDataException">A tensor is missing, has another shape or type, or is used by nothing; all such are named.</exception>
    public void Check(WeightManifest manifest)
    {
        Dictionary<string, TensorNeed> needs = ManifestCheck.NeedsOf(manifest, format);
        ManifestCheck.Compare(checkpoint, manifest, needs);
        BytesTotal = needs.Keys.Sum(name => checkpoint.Tensors[name].Bytes);
        ParameterCount = needs.Keys.Sum(name => checkpoint.Tensors[name].ElementCount);
        progress?.Report(new LoadProgress("weights", 0, BytesTotal));
    }

    /// <summary>A matrix that holds its numbers after <see cref="Finish"/>, and its bias.</summary>
    public LinearWeight Linear(LinearSpec spec) => new(format.Load(spec, this), spec.HasBias ? Bias(spec) : null);

    /// <summary>Waits for all matrices, and gives back what only loading takes of the device's memory.</summary>
    /// <exception cref="InvalidDataException">A tensor holds what cannot be loaded.</exception>
    public void Finish()
    {
        _threads?.Finish();
        Device.FreeLinearLanes();
    }

    /// <summary>Ends what is being loaded. Before the checkpoint and what is owned.</summary>
    public void Dispose() => _threads?.Dispose();

    /// <summary>An empty matrix.</summary>
    internal PackedLinear CreateLinear(LinearSpec spec, LinearFormat linearFormat)
    {
        PackedLinear matrix = Device.CreateLinear(spec.OutFeatures, spec.InFeatures, linearFormat);
        owned.Add(matrix);
        return matrix;
    }

    /// <summary>Has a matrix filled, now or by another thread until <see cref="Finish"/>.</summary>
    /// <param name="fill">Loads rows, from pieces of the checkpoint, into one matrix that nothing else fills; touches nothing else of the device.</param>
    internal void Fill(Action fill)
    {
        if (ThreadCount == 0)
        {
            fill();
            return;
        }
        _threads ??= new LoadingThreads(ThreadCount);
        _threads.Run(fill);
    }

    /// <summary>A vector as f32.</summary>
    public DeviceBuffer Vector(VectorSpec spec)
    {
        float[] values = new float[spec.Length];
        ReadVector(spec.Name, values);
        return Upload(values);
    }

    public TableWeight Table(TableSpec spec)
    {
        ElementType type = storage.Type;
        long rowBytes = (long)spec.Columns * type.Bytes();
        DeviceBuffer buffer = Own(Device.Allocate(checked(spec.Rows * rowBytes)));
        float[] wide = [];
        byte[] narrow = [];
        ForEachPiece(spec.Name, spec.Rows, (firstRow, rows, storedType, piece) =>
        {
            RequireFinite(spec.Name, firstRow, spec.Columns, piece.Span, storedType);
            nint destination = buffer.Address + (nint)(firstRow * rowBytes);
            if (storedType == type)
            {
                stream.Write(destination, piece.Address, piece.Bytes);
                return;
            }
            int elements = (int)(rows * spec.Columns); // a piece is small
            Array.Resize(ref wide, Math.Max(wide.Length, elements));
            Array.Resize(ref narrow, Math.Max(narrow.Length, (int)(rows * rowBytes)));
            ElementConversion.ToSingle(piece.Span, storedType, wide.AsSpan(0, elements));
            ElementConversion.FromSingle(wide.AsSpan(0, elements), type, narrow);
            stream.Write<byte>(destination, narrow.AsSpan(0, (int)(rows * rowBytes)));
        });
        return new TableWeight(buffer, type, spec.Rows, spec.Columns);
    }

    /// <summary>Hands out a tensor's rows in order, a mapped piece at a time; a row is the tensor's first dimension. Any thread of the load.</summary>
    internal void ForEachPiece(string name, long rows, Action<long, long, ElementType, MappedRange> use)
    {
        StoredTensor tensor = checkpoint.Tensors[name];
        ElementType storedType = tensor.Type.ToElementType() ?? throw new InvalidOperationException($"{name} was not checked");
        bool first = IsFirst(name);
        long rowBytes = tensor.Bytes / rows;
        long pieceRows = Math.Max(1, (ThreadCount == 0 ? PieceBytes : LongPieceBytes) / rowBytes);
        for (long row = 0; row < rows; row += pieceRows)
        {
            cancellationToken.ThrowIfCancellationRequested();
            _threads?.ThrowIfFailed();
            long count = Math.Min(pieceRows, rows - row);
            using (MappedRange piece = tensor.Map(row * rowBytes, count * rowBytes))
            {
                use(row, count, storedType, piece);
            }
            if (first)
            {
                AddProgress(count * rowBytes);
            }
        }
    }

    // Tensors that two layers share count once.
    private bool IsFirst(string name)
    {
        lock (_lock)
        {
            return _loaded.Add(name);
        }
    }

    private void AddProgress(long bytes)
    {
        lock (_lock)
        {
            _bytesDone += bytes;
            progress?.Report(new LoadProgress("weights", _bytesDone, BytesTotal));
        }
    }

    /// <summary>Refuses a piece of a tensor that holds NaN or infinity, which would make every token after it nonsense.</summary>
    /// <exception cref="InvalidDataException">Names tensor, row and column.</exception>
    internal static void RequireFinite(string name, long firstRow, long columns, ReadOnlySpan<byte> piece, ElementType type)
    {
        if (ElementConversion.IndexOfNonFinite(piece, type) is >= 0 and var index)
        {
            float[] value = new float[1];
            ElementConversion.ToSingle(piece.Slice(index * type.Bytes(), type.Bytes()), type, value);
            throw new InvalidDataException(
                $"{name} holds {value[0].ToString(CultureInfo.InvariantCulture)} in row {firstRow + (index / columns)}, column {index % columns}: the weights are broken.");
        }
    }

    /// <summary>A fused product has one bias; parts without one add zero.</summary>
    private DeviceBuffer Bias(LinearSpec spec)
    {
        float[] values = new float[spec.OutFeatures];
        int start = 0;
        foreach (LinearPart part in spec.Parts)
        {
            if (part.HasBias)
            {
                ReadVector($"{part.Name}.bias", values.AsMemory(start, part.OutFeatures));
            }
            start += part.OutFeatures;
        }
        return Upload(values);
    }

    private void ReadVector(string name, Memory<float> values) => ForEachPiece(name, values.Length, (first, count, storedType, piece) =>
    {
        RequireFinite(name, first, 1, piece.Span, storedType);
        ElementType type = storage.Type;
        Span<float> target = values.Span.Slice((int)first, (int)count);
        ElementConversion.ToSingle(piece.Span, storedType, target);
        if (storedType != type)
        {
            // As if the checkpoint had been converted beforehand, so that --dtype and a converted file give the same bits.
            byte[] rounded = new byte[count * type.Bytes()];
            ElementConversion.FromSingle(target, type, rounded);
            ElementConversion.ToSingle(rounded, type, target);
        }
    });

    private DeviceBuffer Upload(float[] values)
    {
        DeviceBuffer buffer = Own(Device.Allocate((long)values.Length * sizeof(float)));
        stream.Write<float>(buffer.Address, values);
        return buffer;
    }

    private DeviceBuffer Own(DeviceBuffer buffer)
    {
        owned.Add(buffer);
        return buffer;
    }
}
