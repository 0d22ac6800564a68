using System.Diagnostics;
using System.Globalization;

namespace KServePaged.Serving.Machine;

/// <summary>Processor seconds from /proc: of the whole machine, and of one process.</summary>
internal static class ProcessorClock
{
    private const double TicksPerSecond = 100; // USER_HZ, the same on all of Linux
    private const int UserField = 11; // after the name, which may hold blanks
    private const int ChildrenField = 13;

    /// <summary>Seconds that the processors worked, or were taken by the host of this virtual machine (steal).</summary>
    public static double Machine()
    {
        string line = File.ReadLines("/proc/stat").First();
        double[] fields = [.. line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..].Select(field => double.Parse(field, CultureInfo.InvariantCulture))];
        return (fields[0] + fields[1] + fields[2] + fields[5] + fields[6] + fields[7]) / TicksPerSecond; // user nice system irq softirq steal; without idle and iowait
    }

    /// <summary>Seconds that a process worked.</summary>
    /// <exception cref="BenchException">It is gone.</exception>
    public static double Of(int processId) => Read(processId, UserField);

    public static double Own() => Of(Environment.ProcessId);

    /// <summary>Seconds that processes worked which this one started and which have ended.</summary>
    public static double EndedChildren() => Read(Environment.ProcessId, ChildrenField);

    public static double Now() => Stopwatch.GetTimestamp() / (double)Stopwatch.Frequency;

    // In user mode, and beside it in the kernel.
    private static double Read(int processId, int field)
    {
        string text;
        try
        {
            text = File.ReadAllText($"/proc/{processId}/stat");
        }
        catch (IOException e)
        {
            throw new BenchException($"process {processId} is gone: {e.Message}");
        }
        string[] fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
        return (double.Parse(fields[field], CultureInfo.InvariantCulture) + double.Parse(fields[field + 1], CultureInfo.InvariantCulture)) / TicksPerSecond;
    }
}
