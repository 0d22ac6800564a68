using unsafe GraphBegin = delegate* unmanaged<nint, int>;
using unsafe GraphDestroy = delegate* unmanaged<nint, void>;
using unsafe GraphMove = delegate* unmanaged<nint, nint, int>;

namespace KServePaged.Engine.Kernels;

// include/kp/graph.h
internal sealed unsafe partial class NativeKernels
{
    public readonly GraphBegin kp_graph_begin = (GraphBegin)exports.Find(nameof(kp_graph_begin));
    public readonly GraphMove kp_graph_end = (GraphMove)exports.Find(nameof(kp_graph_end));
    public readonly GraphMove kp_graph_launch = (GraphMove)exports.Find(nameof(kp_graph_launch));
    public readonly GraphDestroy kp_graph_destroy = (GraphDestroy)exports.Find(nameof(kp_graph_destroy));
}
