using KServePaged.Engine.Kernels;
using KServePaged.Kernels.Emulation;
using KServePaged.Kernels.Tests.Harness;

namespace KServePaged.Kernels.Tests;

/// <summary>What only the emulated machine can tell of graphs and marks: what it was asked for, and what has not begun.</summary>
[Collection(nameof(CudaEmulationTests))]
public sealed class CudaEmulationGraphTests
{
    [Fact]
    public void Launch_IsOneCallWhateverWasRecorded()
    {
        using Rig rig = Rig.Open(KernelTarget.Emulated);
        DeviceArray<float> x = rig.Upload(new float[8]);
        DeviceArray<float> y = rig.Allocate<float>(4);
        using DeviceGraph graph = rig.Stream.Record(() =>
        {
            for (int i = 0; i < 5; i++)
            {
                rig.Stream.GatedActivation(Activation.Silu, x.Address, y.Address, ElementType.Float32, 1, 4);
            }
        });
        EmulationCounts before = CudaEmulation.Counts;
        rig.Stream.Launch(graph);
        rig.Stream.Wait(rig.Stream.Mark());
        Assert.Equal(
            before with { GraphLaunches = before.GraphLaunches + 1, Waits = before.Waits + 1 }, CudaEmulation.Counts);
    }

    /// <summary>What is enqueued behind the mark has not even begun on the emulated device.</summary>
    [Fact]
    public unsafe void Wait_ForAMark_WaitsForNothingBehindIt()
    {
        using Rig rig = Rig.Open(KernelTarget.Emulated);
        DeviceArray<int> array = rig.Upload([41, 42]);
        int[] host = GC.AllocateArray<int>(2, pinned: true);
        var at = (nint)System.Runtime.CompilerServices.Unsafe.AsPointer(ref host[0]);
        rig.Stream.Read(array.Address, at, sizeof(int));
        long mark = rig.Stream.Mark();
        rig.Stream.Read(array.Address + sizeof(int), at + sizeof(int), sizeof(int));
        rig.Stream.Wait(mark);
        Assert.Equal([41, 0], host);
        rig.Stream.Wait(rig.Stream.Mark());
        Assert.Equal([41, 42], host);
    }
}
