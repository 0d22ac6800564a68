using unsafe Embedding = delegate* unmanaged<nint, nint, int, long, long, nint, nint, long, nint, int>;

namespace KServePaged.Engine.Kernels;

// include/kp/embedding.h
internal sealed unsafe partial class NativeKernels
{
    public readonly Embedding kp_embedding = (Embedding)exports.Find(nameof(kp_embedding));
}
