using KServePaged.Engine.Kernels;
using KServePaged.Kernels.Emulation;
using KServePaged.Kernels.Tests.Harness;

namespace KServePaged.Kernels.Tests;

/// <summary>How rows come to a GPU: what is waited for, what is taken for it and given back, and several threads at it.</summary>
[Collection(nameof(CudaEmulationTests))]
public sealed class LinearLanesTests
{
    private const int Mebibyte = 1 << 20;

    private static readonly LinearFormat[] Formats =
    [
        LinearFormat.Plain(ElementType.BFloat16),
        LinearFormat.Plain(ElementType.Float32),
        new() { Type = ElementType.BFloat16, Bits = 8 },
        new() { Type = ElementType.BFloat16, Bits = 4, Group = 32, ZeroPoints = 1 },
    ];

    [Fact]
    public void Load_BySeveralThreads_GivesTheBitsOfOneAfterAnother()
    {
        using Rig rig = Rig.Open(KernelTarget.Emulated);
        PackedLinear[] expected = Matrices(rig);
        PackedLinear[] actual = Matrices(rig);
        for (int i = 0; i < expected.Length; i++)
        {
            Load(expected[i], i);
        }

        OnThreads(4, actual.Length, i => Load(actual[i], i));

        rig.Device.FreeLinearLanes();
        for (int i = 0; i < expected.Length; i++)
        {
            Expect.SameBits(Product(rig, expected[i]), Product(rig, actual[i]), $"matrix {i}");
        }
    }

    [Fact]
    public void Load_BySeveralThreads_BlamesTheMatrixThatIsBroken()
    {
        const int Broken = 5;
        using Rig rig = Rig.Open(KernelTarget.Emulated);
        PackedLinear[] matrices = Matrices(rig);
        var blamed = new List<int>();

        OnThreads(4, matrices.Length, i =>
        {
            try
            {
                Load(matrices[i], i, i == Broken ? float.NaN : 1);
            }
            catch (KernelException exception) when (exception.Status == KernelStatus.InvalidData)
            {
                lock (blamed)
                {
                    blamed.Add(i);
                }
            }
        });

        Assert.Equal([Broken], blamed);
        Load(matrices[Broken], Broken); // on a lane that carried the broken one
    }

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
        PackedLinear[] matrices = Matrices(rig);
        EmulationCounts before = CudaEmulation.Counts;
        OnThreads(3, matrices.Length, i => Load(matrices[i], i));
        long lanes = CudaEmulation.Counts.MemoryBytes - before.MemoryBytes;
        Assert.InRange(lanes, 1, 3 * rig.Device.LinearLaneBytes(Width(matrices.Length)));

        rig.Device.FreeLinearLanes();

        Assert.Equal(before.MemoryBytes, CudaEmulation.Counts.MemoryBytes);
        Load(matrices[0], 0);
        Assert.True(CudaEmulation.Counts.MemoryBytes > before.MemoryBytes);
    }

    [Fact]
    public void LinearLaneBytes_OfACpu_AreNone()
    {
        using Device device = Device.Open(KernelLibrary.Open("cpu"), threads: 1);
        Assert.Equal(0, device.LinearLaneBytes(1 << 20));
        device.FreeLinearLanes();
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

        long few = Launches(64);
        Assert.All([65, 80, 256], rows => Assert.Equal(isInvariant ? few : few + 1, Launches(rows))); // the wide kernel's inputs are laid out anew
        Assert.Contains(products, device.Info.Products, StringComparison.Ordinal);

        long Launches(int rows)
        {
            long before = CudaEmulation.Counts.Launches;
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
            return CudaEmulation.Counts.Launches - before;
        }
    }

    private static int Height(int i) => 33 + (7 * i);

    private static int Width(int i) => 64 + (96 * i);

    private static PackedLinear[] Matrices(Rig rig) =>
        [.. Enumerable.Range(0, 12).Select(i => rig.Own(rig.Device.CreateLinear(Height(i), Width(i), Formats[i % Formats.Length])))];

    private static void Load(PackedLinear matrix, int i, float factor = 1)
    {
        float[] weights = new Noise(i).Normals(matrix.OutFeatures * matrix.InFeatures, 0.05);
        weights[weights.Length / 2] *= factor;
        long half = matrix.OutFeatures / 2;
        byte[] source = Elements.Encode(weights, ElementType.Float32);
        int split = (int)(half * matrix.InFeatures * sizeof(float));
        matrix.Load(0, half, source.AsSpan(0, split), ElementType.Float32);
        matrix.Load(half, matrix.OutFeatures - half, source.AsSpan(split), ElementType.Float32);
    }

    private static float[] Product(Rig rig, PackedLinear matrix)
    {
        ElementType type = matrix.Format.Type;
        nint x = rig.Upload(Elements.Encode(new Noise(99).Normals(3 * matrix.InFeatures, 1), type)).Address;
        DeviceArray<float> y = rig.Allocate<float>(3 * matrix.OutFeatures);
        rig.Stream.Linear(matrix, x, type, (int)matrix.InFeatures, 3, 0, y.Address, (int)matrix.OutFeatures);
        return y.Read();
    }

    private static void OnThreads(int count, int jobs, Action<int> job)
    {
        int next = -1;
        var failures = new List<Exception>();
        Thread[] threads = [.. Enumerable.Range(0, count).Select(_ => new Thread(Work))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Assert.Empty(failures);

        void Work()
        {
            try
            {
                for (int i = Interlocked.Increment(ref next); i < jobs; i = Interlocked.Increment(ref next))
                {
                    job(i);
                }
            }
            catch (Exception exception)
            {
                lock (failures)
                {
                    failures.Add(exception);
                }
            }
        }
    }
}
