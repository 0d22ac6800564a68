namespace KServePaged.Engine.Kernels;

/// <summary>
/// The order in which kernels run on a device; one method a kernel, a file a family. A call checks its arguments, enqueues and returns:
/// it neither allocates nor waits (on the CPU it has run when it returns). Addresses are device memory, borrowed until the call has run;
/// sizes and strides are in elements. Tensors are row-major.
/// </summary>
/// <remarks>Every method throws <see cref="KernelException"/>: <see cref="KernelStatus.InvalidArgument"/> for a broken precondition.</remarks>
internal sealed unsafe partial class DeviceStream(Device device, nint stream) : DeviceObject(device, stream)
{
    /// <summary>Waits until everything enqueued has run and reports the first failure of any of it.</summary>
    public void Synchronize() => Functions.Check(Functions.kp_stream_synchronize(Handle), nameof(Synchronize));

    /// <summary>A point to be waited for without what is enqueued behind it. The stream remembers its last 8.</summary>
    public long Mark()
    {
        long mark;
        Functions.Check(Functions.kp_stream_mark(Handle, (nint)(&mark)), nameof(Mark));
        return mark;
    }

    /// <summary>Waits until everything enqueued before the mark has run; what was to be read by then is in host memory.</summary>
    public void Wait(long mark) => Functions.Check(Functions.kp_stream_wait(Handle, mark), nameof(Wait));

    private protected override void Release() => Functions.kp_stream_close(handle);
}
