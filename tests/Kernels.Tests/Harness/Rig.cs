using System.Globalization;
using KServePaged.Engine.Kernels;

namespace KServePaged.Kernels.Tests.Harness;

/// <summary>An opened target with its stream, and the device arrays of the case that runs.</summary>
internal sealed class Rig : IDisposable
{
    private readonly List<IDisposable> _owned = [];

    private Rig(Device device)
    {
        Device = device;
        Stream = device.OpenStream();
    }

    /// <summary>Whether slow suites are on.</summary>
    public static bool IsSlow => Environment.GetEnvironmentVariable("KSERVEPAGED_SLOW") == "1";

    /// <summary>Cases that are run of each table, where the whole would take too long: under a checker of memory, or on an emulated GPU that takes the place of one.</summary>
    private static int? MostCases => int.TryParse(Environment.GetEnvironmentVariable("KSERVEPAGED_KERNEL_CASES"), CultureInfo.InvariantCulture, out int most) ? most : null;

    public Device Device { get; }

    public DeviceStream Stream { get; }

    /// <summary>Opens the target; skips the calling test where the machine lacks it.</summary>
    public static Rig Open(KernelTarget target)
    {
        try
        {
            return new Rig(Device.Open(KernelLibrary.Open(target.Library), target.Threads, target.Isa, target.DeviceIndex, batchInvariant: target.IsBatchInvariant));
        }
        catch (KernelException absent) when (absent.Status == KernelStatus.Unsupported)
        {
            Assert.Skip($"{target}: {absent.Message}");
            throw;
        }
    }

    /// <summary>
    /// Opens the target and runs every case of a table; what fails is named, and the rest still runs. Of a long table an emulated target runs
    /// some cases, unless slow suites are on.
    /// </summary>
    public static void RunTable<TCase>(KernelTarget target, IEnumerable<TCase> cases, Action<Rig, TCase> run)
        where TCase : notnull
    {
        using Rig rig = Open(target);
        var failures = new List<string>();
        int count = 0;
        foreach (TCase one in MostCases is { } most ? Some([.. cases], most) : target.IsEmulated && !IsSlow ? Some([.. cases], 24) : cases)
        {
            count++;
            try
            {
                run(rig, one);
            }
            catch (Exception failure) when (failure is Xunit.Sdk.XunitException or KernelException)
            {
                failures.Add($"{one}: {failure.Message}");
            }
            rig.FreeArrays();
        }
        Assert.NotEqual(0, count);
        Assert.True(failures.Count == 0, $"{failures.Count} of {count} cases failed on {target}\n{string.Join('\n', failures.Take(12))}");
    }

    /// <summary>Spread over the table, with a stride that no table's inner dimensions share.</summary>
    private static IEnumerable<TCase> Some<TCase>(TCase[] cases, int most)
    {
        int stride = Math.Max(1, cases.Length / most) | 1;
        return cases.Where((_, i) => cases.Length <= most || i % stride == 0);
    }

    /// <summary>Copies values to the device.</summary>
    /// <param name="values">Any number, also none.</param>
    /// <param name="skew">Elements by which the first one is moved off its 64-byte boundary.</param>
    public DeviceArray<T> Upload<T>(ReadOnlySpan<T> values, int skew = 0)
        where T : unmanaged
    {
        DeviceArray<T> array = Allocate<T>(values.Length, skew);
        Stream.Write(array.Address, values);
        return array;
    }

    public DeviceArray<T> Upload<T>(T[] values, int skew = 0)
        where T : unmanaged => Upload<T>(values.AsSpan(), skew);

    /// <summary>Device memory full of a bit pattern that no kernel writes by accident.</summary>
    public DeviceArray<T> Allocate<T>(long count, int skew = 0)
        where T : unmanaged => Own(new DeviceArray<T>(this, count, skew));

    /// <summary>Disposed with the arrays of the case.</summary>
    public T Own<T>(T resource)
        where T : IDisposable
    {
        _owned.Add(resource);
        return resource;
    }

    public void FreeArrays()
    {
        _owned.ForEach(owned => owned.Dispose());
        _owned.Clear();
    }

    public void Dispose()
    {
        FreeArrays();
        Stream.Dispose();
        Device.Dispose();
    }
}
