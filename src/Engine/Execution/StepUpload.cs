using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using KServePaged.Engine.Kernels;

namespace KServePaged.Engine.Execution;

/// <summary>
/// What the host tells the device of a step: arrays side by side, sent in one piece. Sections taken in the same order and sizes lie at the same
/// addresses as long as the memory does not move. It grows, since block tables for the longest context would take hundreds of megabytes, and
/// never shrinks, so that a steady step allocates nothing.
/// </summary>
internal sealed class StepUpload(DeviceStream stream) : IDisposable
{
    private const int Alignment = 64;

    private byte[] _host = [];
    private DeviceBuffer? _device;
    private int _used;

    /// <summary>Times that its memory moved: addresses handed out before are void.</summary>
    public int MoveCount { get; private set; }

    /// <summary>Bytes that a section takes of the whole.</summary>
    public static long SizeOf<T>(long count)
        where T : unmanaged => (count * Unsafe.SizeOf<T>() + Alignment - 1) / Alignment * Alignment;

    /// <summary>Begins anew, with room for sections of so many bytes together.</summary>
    public void Begin(long bytes)
    {
        _used = 0;
        if (_device is null || bytes > _host.Length)
        {
            stream.Synchronize(); // memory is freed on an idle device only
            _device?.Dispose();
            _device = null;
            _host = new byte[Math.Max(checked((int)bytes), (int)Math.Min(2L * _host.Length, Array.MaxLength))];
            _device = stream.Device.Allocate(_host.Length);
            MoveCount++;
        }
    }

    public UploadSection Take<T>(int count)
        where T : unmanaged
    {
        DeviceBuffer device = _device ?? throw new InvalidOperationException("Nothing was begun.");
        var section = new UploadSection(_used, count, device.Address + _used);
        _used = checked(_used + (int)SizeOf<T>(count));
        return _used <= _host.Length ? section : throw new InvalidOperationException($"Sections of {_used} bytes exceed the {_host.Length} that were begun.");
    }

    /// <summary>The section's host side, to be filled before <see cref="Send"/>.</summary>
    public Span<T> HostOf<T>(UploadSection section)
        where T : unmanaged => MemoryMarshal.Cast<byte, T>(_host.AsSpan(section.Offset, section.Count * Unsafe.SizeOf<T>()));

    /// <summary>Enqueues the copy of all sections.</summary>
    public void Send()
    {
        if (_device is { } device)
        {
            stream.Write<byte>(device.Address, _host.AsSpan(0, _used));
        }
    }

    public void Dispose() => _device?.Dispose();
}
