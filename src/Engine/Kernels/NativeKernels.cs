using System.Runtime.InteropServices;

namespace KServePaged.Engine.Kernels;

/// <summary>
/// The functions of one kernel library, one field each, under their C names; a file per header. Types are those of the C side:
/// a pointer is nint, an enum is int. <see cref="DeviceStream"/> and its siblings are the callers, and the only ones.
/// </summary>
internal sealed unsafe partial class NativeKernels(NativeExports exports)
{
    public int AbiVersion() => kp_abi_version();

    /// <summary>Throws for a failed call. Out of line in <see cref="Throw"/>, so that the check inlines into every caller.</summary>
    public void Check(int status, string operation)
    {
        if (status != 0)
        {
            Throw(status, operation);
        }
    }

    private void Throw(int status, string operation) =>
        throw new KernelException((KernelStatus)status, operation, Marshal.PtrToStringUTF8(kp_last_error()) ?? "no message");
}
