using unsafe LayerNorm = delegate* unmanaged<nint, nint, nint, nint, nint, nint, int, long, long, float, int>;
using unsafe RmsNorm = delegate* unmanaged<nint, nint, nint, nint, nint, int, long, long, float, int>;

namespace KServePaged.Engine.Kernels;

// include/kp/norm.h
internal sealed unsafe partial class NativeKernels
{
    public readonly RmsNorm kp_rms_norm = (RmsNorm)exports.Find(nameof(kp_rms_norm));
    public readonly LayerNorm kp_layer_norm = (LayerNorm)exports.Find(nameof(kp_layer_norm));
}
