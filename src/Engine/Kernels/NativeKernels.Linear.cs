using unsafe LinearBytes = delegate* unmanaged<nint, long>;
using unsafe LinearCreate = delegate* unmanaged<nint, long, long, nint, nint, int>;
using unsafe LinearDestroy = delegate* unmanaged<nint, void>;
using unsafe LinearForward = delegate* unmanaged<nint, nint, int>;
using unsafe LinearFreeLanes = delegate* unmanaged<nint, int>;
using unsafe LinearLaneBytes = delegate* unmanaged<nint, long, long>;
using unsafe LinearLoad = delegate* unmanaged<nint, long, long, nint, int, long, int>;
using unsafe LinearPackedBytes = delegate* unmanaged<nint, long, long, nint, long>;
using unsafe LinearScratchBytes = delegate* unmanaged<nint, long, long, nint, long>;

namespace KServePaged.Engine.Kernels;

// include/kp/linear.h
internal sealed unsafe partial class NativeKernels
{
    public readonly LinearCreate kp_linear_create = (LinearCreate)exports.Find(nameof(kp_linear_create));
    public readonly LinearDestroy kp_linear_destroy = (LinearDestroy)exports.Find(nameof(kp_linear_destroy));
    public readonly LinearBytes kp_linear_bytes = (LinearBytes)exports.Find(nameof(kp_linear_bytes));
    public readonly LinearPackedBytes kp_linear_packed_bytes = (LinearPackedBytes)exports.Find(nameof(kp_linear_packed_bytes));
    public readonly LinearScratchBytes kp_linear_scratch_bytes = (LinearScratchBytes)exports.Find(nameof(kp_linear_scratch_bytes));
    public readonly LinearLaneBytes kp_linear_lane_bytes = (LinearLaneBytes)exports.Find(nameof(kp_linear_lane_bytes));
    public readonly LinearFreeLanes kp_linear_free_lanes = (LinearFreeLanes)exports.Find(nameof(kp_linear_free_lanes));
    public readonly LinearLoad kp_linear_load = (LinearLoad)exports.Find(nameof(kp_linear_load));
    public readonly LinearForward kp_linear_forward = (LinearForward)exports.Find(nameof(kp_linear_forward));
}
