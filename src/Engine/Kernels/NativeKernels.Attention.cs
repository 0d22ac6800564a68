using unsafe PagedAttention = delegate* unmanaged<nint, nint, int>;
using unsafe PagedAttentionWorkspace = delegate* unmanaged<nint, long, int, int, int, long>;

namespace KServePaged.Engine.Kernels;

// include/kp/attention.h
internal sealed unsafe partial class NativeKernels
{
    public readonly PagedAttentionWorkspace kp_paged_attention_workspace =
        (PagedAttentionWorkspace)exports.Find(nameof(kp_paged_attention_workspace));

    public readonly PagedAttention kp_paged_attention = (PagedAttention)exports.Find(nameof(kp_paged_attention));
}
