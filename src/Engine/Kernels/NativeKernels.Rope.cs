using unsafe RopeAngles = delegate* unmanaged<nint, nint, long, double, nint, long, nint, int>;
using unsafe RopeCacheWrite = delegate* unmanaged<nint, nint, int>;

namespace KServePaged.Engine.Kernels;

// include/kp/rope.h
internal sealed unsafe partial class NativeKernels
{
    public readonly RopeAngles kp_rope_angles = (RopeAngles)exports.Find(nameof(kp_rope_angles));
    public readonly RopeCacheWrite kp_rope_cache_write = (RopeCacheWrite)exports.Find(nameof(kp_rope_cache_write));
}
