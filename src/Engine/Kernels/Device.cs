using System.Runtime.InteropServices;

namespace KServePaged.Engine.Kernels;

/// <summary>
/// One opened device with its worker threads. One thread drives it. Streams, buffers and packed linears hold a reference:
/// the native device closes with the last of them, whatever the order of Dispose.
/// </summary>
internal sealed unsafe class Device : SafeHandle
{
    private Device(KernelLibrary library, nint handle)
        : base(0, ownsHandle: true)
    {
        Library = library;
        SetHandle(handle);
    }

    public KernelLibrary Library { get; }

    public override bool IsInvalid => handle == 0;

    /// <summary>The device's own description; <see cref="DeviceInfo.FreeBytes"/> is asked anew each time.</summary>
    public DeviceInfo Info
    {
        get
        {
            NativeDeviceInfo info;
            Functions.Check(Functions.kp_device_get_info(Handle, (nint)(&info)), nameof(Info));
            return info.ToManaged();
        }
    }

    internal NativeKernels Functions => Library.Functions;

    internal nint Handle
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsClosed, this);
            return handle;
        }
    }

    /// <param name="library">Where its kernels come from.</param>
    /// <param name="threads">CPU workers, the calling thread included; 0 = what the affinity mask and the cgroup's quota allow.</param>
    /// <param name="isa">An instruction set to force; <see cref="Isa.Auto"/> takes the best that the CPU has.</param>
    /// <param name="index">Which device of the library.</param>
    /// <param name="pinned">Each worker stays on one processor, and so does the calling thread from its first kernel on.</param>
    /// <param name="batchInvariant">A row's result has the same bits in any batch; false: faster kernels may be taken that round otherwise.</param>
    /// <exception cref="KernelException"><see cref="KernelStatus.Unsupported"/>: the machine lacks the instruction set or device.</exception>
    public static Device Open(KernelLibrary library, int threads = 0, Isa isa = Isa.Auto, int index = 0, bool pinned = false, bool batchInvariant = true)
    {
        var options = new DeviceOptions
        {
            Index = index,
            Threads = threads,
            Isa = isa,
            Pinned = pinned ? 1 : 0,
            BatchInvariant = batchInvariant ? 1 : 0,
        };
        nint handle;
        library.Functions.Check(library.Functions.kp_device_open((nint)(&options), (nint)(&handle)), nameof(Open));
        return new Device(library, handle);
    }

    /// <summary>Zeroed memory, 64-byte aligned.</summary>
    /// <exception cref="KernelException"><see cref="KernelStatus.OutOfMemory"/>.</exception>
    public DeviceBuffer Allocate(long bytes)
    {
        nint address;
        Functions.Check(Functions.kp_buffer_alloc(Handle, bytes, (nint)(&address)), nameof(Allocate));
        return new DeviceBuffer(this, address, bytes);
    }

    public DeviceStream OpenStream()
    {
        nint stream;
        Functions.Check(Functions.kp_stream_open(Handle, (nint)(&stream)), nameof(OpenStream));
        return new DeviceStream(this, stream);
    }

    /// <summary>An empty packed matrix [outFeatures, inFeatures]; <see cref="PackedLinear.Load(long, long, nint, ElementType, long)"/> fills it.</summary>
    public PackedLinear CreateLinear(long outFeatures, long inFeatures, LinearFormat format)
    {
        nint linear;
        Functions.Check(
            Functions.kp_linear_create(Handle, outFeatures, inFeatures, (nint)(&format), (nint)(&linear)), nameof(CreateLinear));
        return new PackedLinear(this, linear, outFeatures, inFeatures, format);
    }

    /// <summary>Whether the library has products of a format, which must be a valid one.</summary>
    public bool Supports(LinearFormat format) => Functions.kp_linear_packed_bytes(Handle, 2, 1, (nint)(&format)) >= 0;

    /// <summary>Bytes that such a matrix will hold.</summary>
    public long PackedLinearBytes(long outFeatures, long inFeatures, LinearFormat format)
    {
        long bytes = Functions.kp_linear_packed_bytes(Handle, outFeatures, inFeatures, (nint)(&format));
        Functions.Check(bytes < 0 ? (int)KernelStatus.InvalidArgument : 0, nameof(PackedLinearBytes));
        return bytes;
    }

    /// <summary>Bytes that the device keeps for inputs of products that are laid out first; all matrices share the largest.</summary>
    public long LinearScratchBytes(long outFeatures, long inFeatures, LinearFormat format)
    {
        long bytes = Functions.kp_linear_scratch_bytes(Handle, outFeatures, inFeatures, (nint)(&format));
        Functions.Check(bytes < 0 ? (int)KernelStatus.InvalidArgument : 0, nameof(LinearScratchBytes));
        return bytes;
    }

    /// <summary>
    /// The most device memory that loads of matrices keep for each thread that loads, until <see cref="FreeLinearLanes"/>; 0 where rows are packed
    /// from host memory directly.
    /// </summary>
    public long LinearLaneBytes(long inFeatures) => Functions.kp_linear_lane_bytes(Handle, inFeatures);

    /// <summary>Frees what loads of matrices keep from one to the next. None may be under way; a later one takes it anew.</summary>
    public void FreeLinearLanes() => Functions.Check(Functions.kp_linear_free_lanes(Handle), nameof(FreeLinearLanes));

    /// <summary>Bytes of workspace for any attention call with at most these tokens, heads and context.</summary>
    public long PagedAttentionWorkspaceBytes(long tokens, int queryHeads, int headDim, int maxContext) =>
        Functions.kp_paged_attention_workspace(Handle, tokens, queryHeads, headDim, maxContext);

    /// <summary>Bytes of workspace for any sampling call with at most these rows.</summary>
    public long SampleWorkspaceBytes(long rows, long vocabulary) => Functions.kp_sample_workspace(Handle, rows, vocabulary);

    protected override bool ReleaseHandle()
    {
        Functions.kp_device_close(handle);
        return true;
    }
}
