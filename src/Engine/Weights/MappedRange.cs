using System.IO.MemoryMappedFiles;

namespace KServePaged.Engine.Weights;

/// <summary>
/// Bytes of a file as memory, until disposed. Disposing unmaps them, so that pages already packed for the device do not count as
/// resident memory; the system's page cache keeps them for the next start.
/// </summary>
internal sealed unsafe class MappedRange : IDisposable
{
    private readonly MemoryMappedViewAccessor? _view;

    /// <param name="file">The mapped file.</param>
    /// <param name="offset">Any offset; it need not lie on a page.</param>
    /// <param name="bytes">0 maps nothing.</param>
    public MappedRange(MemoryMappedFile file, long offset, long bytes)
    {
        Bytes = bytes;
        if (bytes == 0)
        {
            return; // to the map, 0 would mean the rest of the file
        }
        _view = file.CreateViewAccessor(offset, bytes, MemoryMappedFileAccess.Read);
        Address = _view.SafeMemoryMappedViewHandle.DangerousGetHandle() + (nint)_view.PointerOffset;
    }

    public nint Address { get; }

    public long Bytes { get; }

    /// <summary>The range as a span; at most 2 GiB of it.</summary>
    public ReadOnlySpan<byte> Span => new((void*)Address, checked((int)Bytes));

    public void Dispose() => _view?.Dispose();
}
