using KServePaged.Engine.Kernels;

namespace KServePaged.Kernels.Tests.Host;

[CollectionDefinition(nameof(PinnedThreadsTests), DisableParallelization = true)] // no other test's workers beside these
[Collection(nameof(PinnedThreadsTests))]
public sealed class PinnedThreadsTests
{
    [Fact]
    public void Open_Pinned_KeepsEachWorkerOnAProcessorOfItsOwn()
    {
        string[] allowed = AllowedOf("self");
        HashSet<string> before = Workers();
        using Device device = Device.Open(KernelLibrary.Open("cpu"), threads: 3, pinned: true);
        string[] mine = [];
        // A worker names itself, then restricts itself, before it takes work: both may come after the device is open.
        Assert.True(SpinWait.SpinUntil(
            () =>
            {
                mine = [.. Workers().Except(before)];
                return mine.Length == 2 && mine.All(task => AllowedOf($"self/task/{task}").Length == 1);
            },
            TimeSpan.FromSeconds(20)));
        string[] places = [.. mine.SelectMany(task => AllowedOf($"self/task/{task}")).Order(StringComparer.Ordinal)];
        string[] expected = [.. new[] { 1, 2 }.Select(worker => allowed[worker % allowed.Length]).Order(StringComparer.Ordinal)];
        Assert.Equal(expected, places);
    }

    [Fact]
    public void Open_WithPinnedNeitherOnNorOff_Refuses()
    {
        KernelLibrary library = KernelLibrary.Open("cpu");
        Assert.Equal(1, Open(library, pinned: 2));
    }

    private static unsafe int Open(KernelLibrary library, int pinned)
    {
        var options = new DeviceOptions { Threads = 1, Pinned = pinned };
        nint handle;
        return library.Functions.kp_device_open((nint)(&options), (nint)(&handle));
    }

    private static HashSet<string> Workers() =>
        [.. Directory.GetDirectories("/proc/self/task").Select(path => Path.GetFileName(path)).Where(IsWorker)];

    private static bool IsWorker(string task)
    {
        try
        {
            return File.ReadAllText($"/proc/self/task/{task}/comm").StartsWith("kp-worker-", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false; // it ended meanwhile
        }
    }

    /// <summary>Processors, each by its number: "0-1,4" is 0, 1, 4.</summary>
    private static string[] AllowedOf(string task)
    {
        string line = File.ReadLines($"/proc/{task}/status").First(text => text.StartsWith("Cpus_allowed_list:", StringComparison.Ordinal));
        return
        [
            .. line.Split(':')[1].Trim().Split(',').SelectMany(range =>
            {
                int[] ends = [.. range.Split('-').Select(int.Parse)];
                return Enumerable.Range(ends[0], ends[^1] - ends[0] + 1).Select(processor => processor.ToString());
            }),
        ];
    }
}
