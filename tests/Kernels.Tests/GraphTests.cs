using KServePaged.Engine.Kernels;
using KServePaged.Kernels.Tests.Harness;

namespace KServePaged.Kernels.Tests;

/// <summary>Recorded calls, and waiting for a part of what was enqueued.</summary>
public sealed class GraphTests
{
    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void Launch_WorksOnWhatTheAddressesHoldThen(KernelTarget target)
    {
        using Rig rig = OpenWithGraphs(target);
        DeviceArray<float> table = rig.Upload([0f, 1f, 2f, 3f]);
        DeviceArray<int> ids = rig.Upload([0]);
        DeviceArray<float> row = rig.Allocate<float>(2);
        DeviceArray<float> copy = rig.Allocate<float>(2);
        using DeviceGraph graph = rig.Stream.Record(() =>
        {
            rig.Stream.Embedding(table.Address, ElementType.Float32, 2, 2, ids.Address, 0, 1, row.Address);
            rig.Stream.Copy(copy.Address, row.Address, 2 * sizeof(float));
        });
        Assert.DoesNotContain(0f, copy.Read()); // recording runs nothing

        rig.Stream.Launch(graph);
        Assert.Equal([0f, 1f], copy.Read());
        rig.Stream.Write<int>(ids.Address, [1]);
        rig.Stream.Launch(graph);
        Assert.Equal([2f, 3f], copy.Read());
        rig.Stream.Write<float>(table.Address, [4, 5, 6, 7]);
        rig.Stream.Launch(graph);
        rig.Stream.Write<int>(ids.Address, [0]); // comes too late for the launch before
        Assert.Equal([6f, 7f], copy.Read());
    }

    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void Record_OfWhatCannotBeReplayed_RefusesAndLeavesTheStreamAsItWas(KernelTarget target)
    {
        using Rig rig = OpenWithGraphs(target);
        DeviceArray<int> array = rig.Upload([1, 2]);
        int[] host = [3, 4];
        long mark = rig.Stream.Mark();
        (string Name, Action Call)[] refused =
        [
            ("write", () => rig.Stream.Write<int>(array.Address, host)),
            ("read", () => rig.Stream.ReadAndSynchronize<int>(array.Address, host)),
            ("synchronize", rig.Stream.Synchronize),
            ("mark", () => rig.Stream.Mark()),
            ("wait", () => rig.Stream.Wait(mark)),
            ("allocate", () => rig.Device.Allocate(64).Dispose()),
            ("linear", () => rig.Device.CreateLinear(4, 4, LinearFormat.Plain(ElementType.Float32)).Dispose()),
            ("record", () => rig.Stream.Record(() => { }).Dispose()),
            ("nothing", () => { }),
        ];
        foreach ((string name, Action call) in refused)
        {
            Expect.InvalidArgument(() => rig.Stream.Record(call).Dispose(), name);
        }
        rig.Stream.Write<int>(array.Address, host);
        Assert.Equal([3, 4], array.Read());
    }

    /// <summary>Several engines may share a process, and none waits for another's recording.</summary>
    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void Record_WhileOtherThreadsAllocate_IsWhole(KernelTarget target)
    {
        using Rig rig = OpenWithGraphs(target);
        DeviceArray<int> from = rig.Upload([1, 2]);
        DeviceArray<int> to = rig.Allocate<int>(2);
        using Rig other = Rig.Open(target);
        int[]? read = null;
        using DeviceGraph graph = rig.Stream.Record(() =>
        {
            rig.Stream.Copy(to.Address, from.Address, 2 * sizeof(int));
            var neighbour = new Thread(() => read = other.Upload([7]).Read());
            neighbour.Start();
            neighbour.Join();
        });
        Assert.Equal([7], Assert.IsType<int[]>(read));
        rig.Stream.Launch(graph);
        Assert.Equal([1, 2], to.Read());
    }

    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void Launch_AfterTheDevicesMemoryMoved_Refuses(KernelTarget target)
    {
        using Rig rig = OpenWithGraphs(target);
        DeviceArray<int> array = rig.Upload([1, 2]);
        using DeviceGraph graph = rig.Stream.Record(() => rig.Stream.Copy(array.Address, array.Address + sizeof(int), sizeof(int)));
        rig.Own(rig.Device.CreateLinear(4, 4096, LinearFormat.Plain(ElementType.Float32)));
        Expect.InvalidArgument(() => rig.Stream.Launch(graph), "moved");
    }

    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void Record_OnACpu_IsUnsupported(KernelTarget target)
    {
        using Rig rig = Rig.Open(target);
        if (target.Library == "cpu")
        {
            Assert.False(rig.Device.Info.HasGraphs);
            Assert.Equal(KernelStatus.Unsupported, Assert.Throws<KernelException>(() => rig.Stream.Record(() => { })).Status);
        }
        else
        {
            Assert.True(rig.Device.Info.HasGraphs);
        }
    }

    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void Wait_ForAMarkThatIsNone_Refuses(KernelTarget target)
    {
        using Rig rig = Rig.Open(target);
        long first = rig.Stream.Mark();
        rig.Stream.Wait(first);
        Expect.InvalidArgument(() => rig.Stream.Wait(first + 1), "not made yet");
        if (rig.Device.Info.HasGraphs)
        {
            for (int i = 0; i < 8; i++)
            {
                rig.Stream.Mark();
            }
            Expect.InvalidArgument(() => rig.Stream.Wait(first), "forgotten");
        }
    }

    /// <summary>Reads under way together, of lengths that go round the memory between device and host at different places, and some beyond it.</summary>
    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void Read_OfManyLengths_ThreeUnderWay_GivesEachItsOwn(KernelTarget target)
    {
        using Rig rig = Rig.Open(target);
        int[] values = [.. Enumerable.Range(0, 400_000)];
        DeviceArray<int> array = rig.Upload(values);
        var random = new Random(4);
        var underWay = new Queue<(int[] Host, int First, long Mark)>();
        for (int i = 0; i < 200; i++)
        {
            int length = random.Next(1, random.Next(8) == 0 ? 300_000 : 90_000);
            int first = random.Next(values.Length - length);
            int[] host = GC.AllocateArray<int>(length, pinned: true);
            rig.Stream.Read(array.Address + first * sizeof(int), AddressOf(host), (long)length * sizeof(int));
            underWay.Enqueue((host, first, rig.Stream.Mark()));
            if (underWay.Count == 3)
            {
                (int[] done, int from, long mark) = underWay.Dequeue();
                rig.Stream.Wait(mark);
                Assert.True(values.AsSpan(from, done.Length).SequenceEqual(done), $"read {i - 2}");
            }
        }
        rig.Stream.Synchronize();
        Assert.All(underWay, read => Assert.True(values.AsSpan(read.First, read.Host.Length).SequenceEqual(read.Host)));
    }

    private static unsafe nint AddressOf(int[] pinned) => (nint)System.Runtime.CompilerServices.Unsafe.AsPointer(ref pinned[0]);

    private static Rig OpenWithGraphs(KernelTarget target)
    {
        Rig rig = Rig.Open(target);
        if (!rig.Device.Info.HasGraphs)
        {
            rig.Dispose();
            Assert.Skip($"{target}: no graphs");
        }
        return rig;
    }
}
