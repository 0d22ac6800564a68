namespace KServePaged.Engine.Kernels;

/// <summary>Calls recorded by <see cref="DeviceStream.Record"/>. Dispose needs the device idle.</summary>
internal sealed unsafe class DeviceGraph(Device device, nint graph) : DeviceObject(device, graph)
{
    private protected override void Release() => Functions.kp_graph_destroy(handle);
}
