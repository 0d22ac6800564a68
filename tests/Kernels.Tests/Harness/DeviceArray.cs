using System.Runtime.InteropServices;
using KServePaged.Engine.Kernels;

namespace KServePaged.Kernels.Tests.Harness;

/// <summary>Device memory between two guard bands, which every read checks: a kernel that writes outside its tensor is found out.</summary>
internal sealed class DeviceArray<T> : IDisposable
    where T : unmanaged
{
    private const int GuardBytes = 256;
    private const byte Pattern = 0xA7;

    private readonly Rig _rig;
    private readonly DeviceBuffer _buffer;
    private readonly int _offsetBytes;

    public unsafe DeviceArray(Rig rig, long count, int skew)
    {
        _rig = rig;
        Count = count;
        _offsetBytes = GuardBytes + (skew * sizeof(T));
        int bytes = checked((int)((2 * GuardBytes) + ((skew + count) * sizeof(T))));
        _buffer = rig.Device.Allocate(bytes);
        byte[] fill = new byte[bytes];
        fill.AsSpan().Fill(Pattern);
        rig.Stream.Write<byte>(_buffer.Address, fill);
    }

    public long Count { get; }

    public nint Address => _buffer.Address + _offsetBytes;

    /// <summary>Waits for the stream and reads everything back.</summary>
    public T[] Read()
    {
        byte[] bytes = new byte[_buffer.Bytes];
        _rig.Stream.ReadAndSynchronize<byte>(_buffer.Address, bytes);
        int end = bytes.Length - GuardBytes;
        Assert.False(bytes.AsSpan(0, _offsetBytes).ContainsAnyExcept(Pattern), "the kernel wrote before the tensor");
        Assert.False(bytes.AsSpan(end).ContainsAnyExcept(Pattern), "the kernel wrote behind the tensor");
        return MemoryMarshal.Cast<byte, T>(bytes.AsSpan(_offsetBytes, end - _offsetBytes)).ToArray();
    }

    /// <summary>Elements nobody wrote since the array was allocated hold this.</summary>
    public static T Untouched
    {
        get
        {
            T value = default;
            MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref value, 1)).Fill(Pattern);
            return value;
        }
    }

    public void Dispose() => _buffer.Dispose();
}
