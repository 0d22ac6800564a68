using unsafe Sample = delegate* unmanaged<nint, nint, int>;
using unsafe SampleWorkspace = delegate* unmanaged<nint, long, long, long>;

namespace KServePaged.Engine.Kernels;

// include/kp/sampling.h
internal sealed unsafe partial class NativeKernels
{
    public readonly SampleWorkspace kp_sample_workspace = (SampleWorkspace)exports.Find(nameof(kp_sample_workspace));
    public readonly Sample kp_sample = (Sample)exports.Find(nameof(kp_sample));
}
