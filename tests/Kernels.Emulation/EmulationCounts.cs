namespace KServePaged.Kernels.Emulation;

/// <summary>What was asked of the emulated machine so far (kp_emulation_counts of src/runtime.h).</summary>
/// <param name="Launches">Kernels, by the host: those of a graph count when it is recorded.</param>
/// <param name="GraphLaunches">Graphs.</param>
/// <param name="Allocations">Of device memory.</param>
/// <param name="Waits">Of the host for a stream, or for an event that had yet to come.</param>
/// <param name="MemoryBytes">Of the device that are allocated now.</param>
/// <param name="BulkCopies">By the copy engine, of launches that have run.</param>
public readonly record struct EmulationCounts(long Launches, long GraphLaunches, long Allocations, long Waits, long MemoryBytes, long BulkCopies);
