using System.Runtime.InteropServices;

namespace KServePaged.Engine.Kernels;

/// <summary>kp_device_options of include/kp/kp.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct DeviceOptions
{
    public int Index;
    public int Threads;
    public Isa Isa;
    public int Pinned;
    public int BatchInvariant;
}
