using System.Globalization;
using KServePaged.Engine.Execution;
using KServePaged.Engine.Kernels;

namespace KServePaged.Engine.Tests.Execution;

public sealed class BackgroundTouchTests
{
    private const int Bytes = 96 << 20;

    [Fact]
    public void Touch_OfABuffer_TakesItsMemoryAndKeepsWhatIsInIt()
    {
        using Device device = Device.Open(KernelLibrary.Open("cpu"), threads: 1);
        using DeviceStream stream = device.OpenStream();
        using DeviceBuffer buffer = device.Allocate(Bytes);
        byte[] written = [.. Enumerable.Range(0, 10_000).Select(i => (byte)i)];
        stream.Write<byte>(buffer.Address + 5_000_000, written);
        Assert.InRange(ResidentBytes(buffer.Address), 1, Bytes / 10);

        OnAThreadOfItsOwn(() => buffer.Touch(0, Bytes));

        Assert.InRange(ResidentBytes(buffer.Address), Bytes, Bytes * 2L);
        byte[] read = new byte[written.Length];
        stream.ReadAndSynchronize<byte>(buffer.Address + 5_000_000, read);
        Assert.Equal(written, read);
    }

    [Fact]
    public void Touch_BeyondTheBuffer_IsRefused()
    {
        using Device device = Device.Open(KernelLibrary.Open("cpu"), threads: 1);
        using DeviceBuffer buffer = device.Allocate(100);

        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.Touch(60, 41));
    }

    [Fact]
    public void Dispose_BeforeItHasTakenAll_LeavesTheBufferToBeFreed()
    {
        using Device device = Device.Open(KernelLibrary.Open("cpu"), threads: 1);
        using DeviceBuffer buffer = device.Allocate(Bytes);

        new BackgroundTouch(buffer).Dispose();
    }

    // It lowers the priority of its thread for good, and this one belongs to the tests.
    private static void OnAThreadOfItsOwn(ThreadStart work)
    {
        var thread = new Thread(work);
        thread.Start();
        thread.Join();
    }

    // Of the mapping that the address lies in, as "start-end …" and then "Rss: … kB" tell.
    private static long ResidentBytes(nint address)
    {
        bool found = false;
        foreach (string line in File.ReadLines("/proc/self/smaps"))
        {
            string[] words = line.Split([' ', '-'], StringSplitOptions.RemoveEmptyEntries);
            if (found && words[0] == "Rss:")
            {
                return long.Parse(words[1], CultureInfo.InvariantCulture) * 1024;
            }
            if (long.TryParse(words[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out long start) && !line.Contains(" kB", StringComparison.Ordinal))
            {
                found = start <= address && address < long.Parse(words[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            }
        }
        throw new InvalidOperationException("The address is not mapped.");
    }
}
