using unsafe BufferAlloc = delegate* unmanaged<nint, long, nint, int>;
using unsafe BufferFree = delegate* unmanaged<nint, nint, void>;
using unsafe BufferMove = delegate* unmanaged<nint, nint, nint, long, int>;
using unsafe BufferTouch = delegate* unmanaged<nint, nint, long, int>;

namespace KServePaged.Engine.Kernels;

// include/kp/memory.h
internal sealed unsafe partial class NativeKernels
{
    public readonly BufferAlloc kp_buffer_alloc = (BufferAlloc)exports.Find(nameof(kp_buffer_alloc));
    public readonly BufferFree kp_buffer_free = (BufferFree)exports.Find(nameof(kp_buffer_free));
    public readonly BufferTouch kp_buffer_touch = (BufferTouch)exports.Find(nameof(kp_buffer_touch));
    public readonly BufferMove kp_buffer_write = (BufferMove)exports.Find(nameof(kp_buffer_write));
    public readonly BufferMove kp_buffer_read = (BufferMove)exports.Find(nameof(kp_buffer_read));
    public readonly BufferMove kp_buffer_copy = (BufferMove)exports.Find(nameof(kp_buffer_copy));
}
