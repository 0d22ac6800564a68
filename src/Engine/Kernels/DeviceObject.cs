using System.Runtime.InteropServices;

namespace KServePaged.Engine.Kernels;

/// <summary>A native object that lives on a device and keeps it open.</summary>
internal abstract class DeviceObject : SafeHandle
{
    /// <param name="device">Stays open until this object is released.</param>
    /// <param name="handle">Already created: a failed creation makes no object, so nothing half-made is ever finalized.</param>
    protected DeviceObject(Device device, nint handle)
        : base(0, ownsHandle: true)
    {
        bool added = false;
        device.DangerousAddRef(ref added);
        Device = device;
        SetHandle(handle);
    }

    public Device Device { get; }

    public override bool IsInvalid => handle == 0;

    internal nint Handle
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsClosed, this);
            return handle;
        }
    }

    private protected NativeKernels Functions => Device.Functions;

    /// <summary>Frees the native object.</summary>
    private protected abstract void Release();

    protected sealed override bool ReleaseHandle()
    {
        Release();
        Device.DangerousRelease();
        return true;
    }
}
