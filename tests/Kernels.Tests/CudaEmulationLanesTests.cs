using KServePaged.Engine.Kernels;
using KServePaged.Kernels.Emulation;
using KServePaged.Kernels.Tests.Harness;

namespace KServePaged.Kernels.Tests;

/// <summary>How rows come to a GPU: what is waited for, what is taken for it and given back.</summary>
[Collection(nameof(CudaEmulationTests))]
public sealed class CudaEmulationLanesTests
{
    private const int Mebibyte = 1 << 20;

    /// <summary>A wait for one of four parts of pinned memory when it is needed again, and one for the end: none for what is being sent or packed.</summary>
    [Fact]
    public void Load_OfSeveralPieces_WaitsForNothingBetweenThem()
    {
        const int In = 1024;
        const int Rows = 20 * Mebibyte / (In * sizeof(float)); // two pieces of 8 MiB and a half
        const int Parts = 1 + 20; // the flag, and what is copied MiB by MiB
        using Rig rig = Rig.Open(KernelTarget.Emulated);
        PackedLinear matrix = rig.Own(rig.Device.CreateLinear(Rows, In, LinearFormat.Plain(ElementType.Float32)));
        byte[] source = new byte[Rows * In * sizeof(float)];
        matrix.Load(0, 1, source.AsSpan(0, In * sizeof(float)), ElementType.Float32);
        matrix.Load(0, Rows, source, ElementType.Float32); // the lane has grown
        EmulationCounts before = CudaEmulation.Counts;

        matrix.Load(0, Rows, source, ElementType.Float32);

        EmulationCounts after = CudaEmulation.Counts;
        Assert.Equal((before.Launches + 3, before.Allocations), (after.Launches, after.Allocations));
        Assert.InRange(after.Waits - before.Waits, Parts - 4 + 1, Parts + 1);
    }

    [Fact]
    public void FreeLinearLanes_GivesBackWhatTheLanesTook()
    {
        using Rig rig = Rig.Open(KernelTarget.Emulated);
        PackedLinear[] matrices = LaneMatrices.Create(rig);
        EmulationCounts before = CudaEmulation.Counts;
        LaneMatrices.OnThreads(3, matrices.Length, i => LaneMatrices.Load(matrices[i], i));
        long lanes = CudaEmulation.Counts.MemoryBytes - before.MemoryBytes;
        Assert.InRange(lanes, 1, 3 * rig.Device.LinearLaneBytes(LaneMatrices.Width(matrices.Length)));

        rig.Device.FreeLinearLanes();

        Assert.Equal(before.MemoryBytes, CudaEmulation.Counts.MemoryBytes);
        LaneMatrices.Load(matrices[0], 0);
        Assert.True(CudaEmulation.Counts.MemoryBytes > before.MemoryBytes);
    }

    /// <summary>Steps are padded to more rows when they are recorded, so an invariant device must multiply all alike, however many there are.</summary>
    [Theory]
    [InlineData(true, "wgmma is not taken")]
    [InlineData(false, "by wgmma")]
    public void Linear_OfMoreThan64Rows_TakesTheWideKernelWithoutBatchInvarianceAlone(bool isInvariant, string products)
    {
        using Device device = Device.Open(KernelLibrary.Open(CudaEmulation.Library), batchInvariant: isInvariant);
        using DeviceStream stream = device.OpenStream();
        using PackedLinear matrix = device.CreateLinear(512, 64, LinearFormat.Plain(ElementType.BFloat16));
        matrix.Load(0, 512, new byte[512 * 64 * 2], ElementType.BFloat16);
        using DeviceBuffer x = device.Allocate(256 * 64 * 2);
        using DeviceBuffer y = device.Allocate(256 * 512 * 4);

        Assert.Equal(0, BulkCopies(64));
        Assert.All([65, 80, 256], rows => Assert.Equal(isInvariant, BulkCopies(rows) == 0)); // no other kernel has them
        Assert.Contains(products, device.Info.Products, StringComparison.Ordinal);

        long BulkCopies(int rows)
        {
            long before = CudaEmulation.Counts.BulkCopies;
            stream.Linear(matrix, new LinearArguments
            {
                X = x.Address,
                XType = ElementType.BFloat16,
                XStride = 64,
                Rows = rows,
                Y = y.Address,
                YStride = 512,
            });
            stream.Synchronize();
            return CudaEmulation.Counts.BulkCopies - before;
        }
    }
}
