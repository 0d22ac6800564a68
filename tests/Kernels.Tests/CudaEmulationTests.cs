using KServePaged.Engine.Kernels;
using KServePaged.Kernels.Emulation;
using KServePaged.Kernels.Tests.Harness;

namespace KServePaged.Kernels.Tests;

/// <summary>Whether the emulation would show what it is there to show.</summary>
[CollectionDefinition(nameof(CudaEmulationTests), DisableParallelization = true)] // a planted fault breaks the emulated machine under all who use it
[Collection(nameof(CudaEmulationTests))]
public sealed class CudaEmulationTests
{
    private const int Sum = 255 * 256 / 2;
    private const float PipelineSum = 16 * (12 * 13 / 2);
    private const int LaunchFailure = 719;

    [Fact]
    public void PlantedKernel_WithItsBarrier_IsRightInAnyOrder() =>
        Assert.All(Enumerable.Range(0, 50), seed => Assert.Equal(Sum, CudaEmulation.PlantedSum((ulong)seed, withBarrier: true)));

    /// <summary>In the order of a seed: the threads that add up come before some that have yet to write.</summary>
    [Fact]
    public void PlantedKernel_WithoutItsBarrier_IsFoundOut() =>
        Assert.Contains(Enumerable.Range(1, 20), seed => CudaEmulation.PlantedSum((ulong)seed, withBarrier: false) != Sum);

    [Fact]
    public void PlantedKernel_WhoseThreadsWaitForEachOther_FailsInsteadOfHanging() => Assert.Equal(LaunchFailure, CudaEmulation.PlantedDeadlock());

    [Fact]
    public void PlantedPipeline_WithItsWaits_IsRightInAnyOrder() =>
        Assert.All(Enumerable.Range(0, 30), seed => Assert.Equal(PipelineSum, CudaEmulation.PlantedPipeline((ulong)seed, MissingWait.None)));

    [Theory]
    [InlineData(MissingWait.UntilFull)]
    [InlineData(MissingWait.UntilEmpty)]
    [InlineData(MissingWait.ForProducts)]
    public void PlantedPipeline_WithoutAWait_IsFoundOut(MissingWait missing) =>
        Assert.Contains(Enumerable.Range(0, 20), seed => CudaEmulation.PlantedPipeline((ulong)seed, missing) != PipelineSum);

    /// <summary>Results come when they are waited for, not before: a host that reads too early is found out.</summary>
    [Fact]
    public unsafe void Read_BeforeItIsWaitedFor_HasNotHappened()
    {
        using Rig rig = Rig.Open(KernelTarget.Emulated);
        int[] read = [7];
        DeviceArray<int> array = rig.Upload([42]);
        fixed (int* host = read)
        {
            rig.Stream.Read(array.Address, (nint)host, sizeof(int));
            Assert.Equal(7, Volatile.Read(ref *host));
            rig.Stream.Synchronize();
            Assert.Equal(42, Volatile.Read(ref *host));
        }
    }

    [Fact]
    public void Write_OfHostMemoryThatIsReusedAtOnce_HasTakenItsCopy()
    {
        using Rig rig = Rig.Open(KernelTarget.Emulated);
        int[] host = new int[3 << 20]; // more than all staging memory
        DeviceArray<int> array = rig.Allocate<int>(host.Length);
        Array.Fill(host, 1);
        rig.Stream.Write<int>(array.Address, host);
        Array.Fill(host, 2);
        Assert.DoesNotContain(2, array.Read());
    }

    [Fact]
    public void Open_OfADeviceThatIsNotThere_IsUnsupported()
    {
        var refused = Assert.Throws<KernelException>(() => Device.Open(KernelLibrary.Open(CudaEmulation.Library), index: 1 << 20));
        Assert.Equal(KernelStatus.Unsupported, refused.Status);
        Assert.Contains("1048576", refused.Message);
    }
}
