using KServePaged.Engine.Kernels;

namespace KServePaged.Engine.Models;

/// <summary>Working memory that a sublayer takes piecewise and that the next sublayer overwrites.</summary>
internal sealed class Scratch(DeviceBuffer buffer)
{
    private const long Alignment = 64;

    private long _used;

    /// <summary>Bytes that one piece takes of the whole.</summary>
    public static long SizeOf(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;

    /// <summary>Forgets every piece.</summary>
    public void Reset() => _used = 0;

    /// <returns>The address of <paramref name="bytes"/> undefined bytes, 64-byte aligned.</returns>
    public nint Take(long bytes)
    {
        long start = _used;
        _used += SizeOf(bytes);
        return _used <= buffer.Bytes
            ? buffer.Address + (nint)start
            : throw new InvalidOperationException($"A layer takes {_used} bytes of working memory, {buffer.Bytes} were planned.");
    }
}
