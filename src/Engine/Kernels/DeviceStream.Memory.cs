namespace KServePaged.Engine.Kernels;

internal sealed unsafe partial class DeviceStream
{
    /// <summary>Host to device. The source may be reused as soon as the call returns.</summary>
    public void Write(nint destination, nint host, long bytes) =>
        Functions.Check(Functions.kp_buffer_write(Handle, destination, host, bytes), nameof(Write));

    /// <summary>Managed memory to device.</summary>
    public void Write<T>(nint destination, ReadOnlySpan<T> source)
        where T : unmanaged
    {
        fixed (T* host = source)
        {
            Write(destination, (nint)host, (long)source.Length * sizeof(T));
        }
    }

    /// <summary>Device to host. The bytes are there after <see cref="Synchronize"/>, or the <see cref="Wait"/> for a later mark; the host memory must not move before.</summary>
    public void Read(nint source, nint host, long bytes) =>
        Functions.Check(Functions.kp_buffer_read(Handle, source, host, bytes), nameof(Read));

    /// <summary>Device to managed memory; waits for everything enqueued before, since the destination is pinned for the call only.</summary>
    public void ReadAndSynchronize<T>(nint source, Span<T> destination)
        where T : unmanaged
    {
        fixed (T* host = destination)
        {
            Read(source, (nint)host, (long)destination.Length * sizeof(T));
            Synchronize();
        }
    }

    /// <summary>Device to device. The ranges must not overlap.</summary>
    public void Copy(nint destination, nint source, long bytes) =>
        Functions.Check(Functions.kp_buffer_copy(Handle, destination, source, bytes), nameof(Copy));
}
