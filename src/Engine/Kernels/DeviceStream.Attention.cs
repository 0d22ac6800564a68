namespace KServePaged.Engine.Kernels;

internal sealed unsafe partial class DeviceStream
{
    /// <summary>Causal attention of this step's query rows over the paged cache, prefill chunks and decodes in one call.</summary>
    public void PagedAttention(in PagedAttentionArguments arguments)
    {
        fixed (PagedAttentionArguments* address = &arguments)
        {
            Functions.Check(Functions.kp_paged_attention(Handle, (nint)address), nameof(PagedAttention));
        }
    }
}
