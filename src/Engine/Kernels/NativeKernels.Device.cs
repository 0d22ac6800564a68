using unsafe AbiVersionFunction = delegate* unmanaged<int>;
using unsafe DeviceClose = delegate* unmanaged<nint, void>;
using unsafe DeviceGetInfo = delegate* unmanaged<nint, nint, int>;
using unsafe DeviceOpen = delegate* unmanaged<nint, nint, int>;
using unsafe LastError = delegate* unmanaged<nint>;
using unsafe StreamClose = delegate* unmanaged<nint, void>;
using unsafe StreamMark = delegate* unmanaged<nint, nint, int>;
using unsafe StreamOpen = delegate* unmanaged<nint, nint, int>;
using unsafe StreamSynchronize = delegate* unmanaged<nint, int>;
using unsafe StreamWait = delegate* unmanaged<nint, long, int>;

namespace KServePaged.Engine.Kernels;

// include/kp/kp.h
internal sealed unsafe partial class NativeKernels
{
    public readonly AbiVersionFunction kp_abi_version = (AbiVersionFunction)exports.Find(nameof(kp_abi_version));
    public readonly LastError kp_last_error = (LastError)exports.Find(nameof(kp_last_error));
    public readonly DeviceOpen kp_device_open = (DeviceOpen)exports.Find(nameof(kp_device_open));
    public readonly DeviceClose kp_device_close = (DeviceClose)exports.Find(nameof(kp_device_close));
    public readonly DeviceGetInfo kp_device_get_info = (DeviceGetInfo)exports.Find(nameof(kp_device_get_info));
    public readonly StreamOpen kp_stream_open = (StreamOpen)exports.Find(nameof(kp_stream_open));
    public readonly StreamClose kp_stream_close = (StreamClose)exports.Find(nameof(kp_stream_close));
    public readonly StreamSynchronize kp_stream_synchronize = (StreamSynchronize)exports.Find(nameof(kp_stream_synchronize));
    public readonly StreamMark kp_stream_mark = (StreamMark)exports.Find(nameof(kp_stream_mark));
    public readonly StreamWait kp_stream_wait = (StreamWait)exports.Find(nameof(kp_stream_wait));
}
