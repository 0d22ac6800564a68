namespace KServePaged.Engine.Kernels;

/// <summary>One allocation of device memory, zeroed, 64-byte aligned. Freed by Dispose, which needs the device idle.</summary>
internal sealed unsafe class DeviceBuffer(Device device, nint address, long bytes) : DeviceObject(device, address)
{
    public long Bytes { get; } = bytes;

    /// <summary>Device address of byte 0; on the CPU ordinary memory.</summary>
    public nint Address => Handle;

    /// <summary>
    /// Has the system give memory now instead of at its first use; contents stay. Any thread, which from then on works at the lowest priority.
    /// </summary>
    public void Touch(long offset, long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Bytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, Bytes - offset);
        Functions.Check(Functions.kp_buffer_touch(Device.DangerousGetHandle(), Handle + (nint)offset, bytes), nameof(Touch));
    }

    private protected override void Release() => Functions.kp_buffer_free(Device.DangerousGetHandle(), handle);
}
