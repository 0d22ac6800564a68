namespace KServePaged.Engine.Kernels;

/// <summary>kp_status of include/kp/kp.h.</summary>
internal enum KernelStatus
{
    Ok = 0,
    InvalidArgument = 1,
    OutOfMemory = 2,
    Unsupported = 3,
    DeviceError = 4,
    Internal = 5,
    InvalidData = 6,
}
