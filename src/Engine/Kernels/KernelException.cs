namespace KServePaged.Engine.Kernels;

/// <summary>A kernel library refused a call or its device failed.</summary>
internal sealed class KernelException(KernelStatus status, string operation, string detail)
    : Exception($"{operation}: {detail} ({status})")
{
    public KernelStatus Status { get; } = status;
}
