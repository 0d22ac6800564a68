namespace KServePaged.Engine.Kernels;

/// <summary>Calls recorded by <see cref="DeviceStream.Record"/>. Dispose waits until its launches have run, and comes before that of the stream.</summary>
internal sealed unsafe class DeviceGraph(Device device, nint graph) : DeviceObject(device, graph)
{
    private protected override void Release() => Functions.kp_graph_destroy(handle);
}
