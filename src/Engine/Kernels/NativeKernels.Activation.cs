using unsafe GatedActivation = delegate* unmanaged<nint, int, nint, nint, int, long, long, int>;

namespace KServePaged.Engine.Kernels;

// include/kp/activation.h
internal sealed unsafe partial class NativeKernels
{
    public readonly GatedActivation kp_gated_activation = (GatedActivation)exports.Find(nameof(kp_gated_activation));
}
