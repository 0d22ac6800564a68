using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace KServePaged.Predictor.Telemetry;

/// <summary>What every process exposes, under the names that dashboards know.</summary>
internal sealed class ProcessMetrics : IDisposable
{
    private readonly Meter _meter = new("KServePaged.Process");

    public ProcessMetrics(TimeProvider clock)
    {
        double started = (clock.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalSeconds;
        _meter.CreateObservableGauge("process_start_time_seconds", () => started, description: "Start of the process, seconds since 1970.");
        _meter.CreateObservableCounter("process_cpu_seconds", () => Environment.CpuUsage.TotalTime.TotalSeconds, description: "CPU time used, seconds.");
        _meter.CreateObservableGauge("process_resident_memory_bytes", () => Environment.WorkingSet, description: "Resident memory, bytes.");
        _meter.CreateObservableGauge("process_virtual_memory_bytes", VirtualMemory, description: "Address space in use, bytes.");
        _meter.CreateObservableGauge("process_open_fds", OpenFiles, description: "Open file descriptors.");
        _meter.CreateObservableGauge("dotnet_gc_heap_bytes", () => GC.GetTotalMemory(false), description: "Managed heap, bytes.");
        _meter.CreateObservableCounter("dotnet_gc_allocated_bytes", () => GC.GetTotalAllocatedBytes(), description: "Bytes allocated on the managed heap.");
        _meter.CreateObservableCounter("dotnet_gc_collections", Collections, description: "Garbage collections, by generation.");
        _meter.CreateObservableCounter("dotnet_gc_pause_seconds", () => GC.GetTotalPauseDuration().TotalSeconds, description: "Time that collections stopped all threads.");
        _meter.CreateObservableGauge("dotnet_threadpool_threads", () => ThreadPool.ThreadCount, description: "Threads of the pool.");
        _meter.CreateObservableGauge("dotnet_threadpool_queue_length", () => ThreadPool.PendingWorkItemCount, description: "Work that waits for a thread of the pool.");
    }

    public void Dispose() => _meter.Dispose();

    private static IEnumerable<Measurement<int>> Collections() =>
        Enumerable.Range(0, GC.MaxGeneration + 1).Select(generation => new Measurement<int>(GC.CollectionCount(generation), Generation(generation)));

    private static KeyValuePair<string, object?> Generation(int generation) => new("generation", generation);

    private static long VirtualMemory()
    {
        using Process self = Process.GetCurrentProcess();
        return self.VirtualMemorySize64;
    }

    private static long OpenFiles() =>
        Directory.Exists("/proc/self/fd") ? Directory.EnumerateFileSystemEntries("/proc/self/fd").LongCount() : 0;
}
