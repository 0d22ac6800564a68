namespace KServePaged.Kernels.Emulation;

/// <summary>What was asked of the emulated machine so far (kp_emulation_counts of src/runtime.h).</summary>
/// <param name="Launches">Kernels.</param>
/// <param name="Allocations">Of device memory.</param>
/// <param name="Waits">Of the host for a stream.</param>
public readonly record struct EmulationCounts(long Launches, long Allocations, long Waits);
