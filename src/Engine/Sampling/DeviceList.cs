using KServePaged.Engine.Kernels;

namespace KServePaged.Engine.Sampling;

/// <summary>A list that most steps send nothing of. Its memory is as long as the longest so far, and stays where it is until a longer one comes.</summary>
internal sealed class DeviceList<T>(Device device) : IDisposable
    where T : unmanaged
{
    private const int FirstCapacity = 1024;

    private DeviceBuffer _buffer = device.Allocate(FirstCapacity * ElementBytes);
    private long _capacity = FirstCapacity;

    public nint Address => _buffer.Address;

    /// <summary>Times that its memory moved.</summary>
    public int MoveCount { get; private set; }

    private static unsafe long ElementBytes => sizeof(T);

    /// <summary>Enqueues the copy; the values may change as soon as it returns.</summary>
    public void Send(DeviceStream stream, ReadOnlySpan<T> values)
    {
        if (values.Length > _capacity)
        {
            stream.Synchronize(); // memory is freed on an idle device only
            _capacity = Math.Max(values.Length, _capacity * 2);
            _buffer.Dispose();
            _buffer = device.Allocate(_capacity * ElementBytes);
            MoveCount++;
        }
        if (values.Length > 0)
        {
            stream.Write(_buffer.Address, values);
        }
    }

    public void Dispose() => _buffer.Dispose();
}
