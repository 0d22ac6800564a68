namespace KServePaged.Engine.Kernels;

internal sealed unsafe partial class DeviceStream
{
    /// <summary>
    /// Runs <paramref name="enqueue"/> with the stream recording: its kernels and device copies are kept, with their arguments, instead of run.
    /// </summary>
    /// <exception cref="KernelException">
    /// <see cref="KernelStatus.Unsupported"/>: the device has no graphs. <see cref="KernelStatus.InvalidArgument"/>: something was called that
    /// allocates, waits or moves bytes from or to the host, or nothing was called. The stream is then as it was before.
    /// </exception>
    public DeviceGraph Record(Action enqueue)
    {
        Functions.Check(Functions.kp_graph_begin(Handle), nameof(Record));
        bool complete = false;
        try
        {
            enqueue();
            complete = true;
        }
        finally
        {
            if (!complete)
            {
                _ = Functions.kp_graph_end(Handle, 0); // what went wrong is on its way to the caller
            }
        }
        nint graph;
        Functions.Check(Functions.kp_graph_end(Handle, (nint)(&graph)), nameof(Record));
        return new DeviceGraph(Device, graph);
    }

    /// <summary>Enqueues the recorded calls, which work on what their addresses now hold.</summary>
    public void Launch(DeviceGraph graph) => Functions.Check(Functions.kp_graph_launch(Handle, graph.Handle), nameof(Launch));
}
