using System.Runtime.InteropServices;

namespace KServePaged.Kernels.Emulation;

/// <summary>
/// The emulated machine behind libkpkernels_cudaemu.so. It is one for the whole process: tests that make it ill belong into one collection
/// with all others that use it.
/// </summary>
public static unsafe class CudaEmulation
{
    /// <summary>Name of the library, for KernelLibrary.Open and EngineOptions.Device.</summary>
    public const string Library = "cudaemu";

    /// <summary>
    /// Libraries of the CUDA kernels to test: the emulated one, and that for GPUs where it lies beside the program. KSERVEPAGED_KERNEL_TARGETS
    /// names one to leave all others out.
    /// </summary>
    public static IReadOnlyList<string> Libraries { get; } = [.. new[] { Library, "cuda" }.Where(IsWanted).Where(IsInstalled)];

    private static readonly Lazy<bool> TakesThePlaceOfAGpu = new(() =>
        IsInstalled("cuda") && NativeLibrary.TryGetExport(NativeLibrary.Load(PathOf("cuda")), "kp_emulation_get_counts", out _));

    private static readonly Lazy<nint> Exports = new(() => NativeLibrary.Load(PathOf(Library)));

    public static EmulationCounts Counts
    {
        get
        {
            EmulationCounts counts;
            ((delegate* unmanaged<EmulationCounts*, void>)Find("kp_emulation_get_counts"))(&counts);
            return counts;
        }
    }

    /// <summary>Makes the machine ill, or well again; what it broke before is whole again either way.</summary>
    public static void Set(Ailment ailment) => ((delegate* unmanaged<int, void>)Find("kp_emulation_set_ailment"))((int)ailment);

    /// <summary>The sum of 0 … 255, made by a kernel that needs a barrier between two steps; -1 where the launch failed.</summary>
    public static int PlantedSum(ulong seed, bool withBarrier) =>
        ((delegate* unmanaged<ulong, int, int>)Find("kp_emulation_planted_sum"))(seed, withBarrier ? 1 : 0);

    /// <summary>
    /// What a kernel makes of stages that the copy engine fills while a warpgroup multiplies, without one of its waits where asked; -1 where the
    /// launch failed.
    /// </summary>
    public static float PlantedPipeline(ulong seed, MissingWait missing) =>
        ((delegate* unmanaged<ulong, int, float>)Find("kp_emulation_planted_pipeline"))(seed, (int)missing);

    /// <returns>The CUDA error of a kernel whose threads wait for each other at different barriers.</returns>
    public static int PlantedDeadlock() => ((delegate* unmanaged<int>)Find("kp_emulation_planted_deadlock"))();

    /// <summary>Whether a library is to be tested.</summary>
    public static bool IsWanted(string library) => (Environment.GetEnvironmentVariable("KSERVEPAGED_KERNEL_TARGETS") ?? library) == library;

    /// <summary>
    /// Whether a library is the emulated one, also where it has taken the place of that for GPUs: eng/gpu/check is proved without a GPU so.
    /// </summary>
    public static bool IsEmulated(string library) => library == Library || (library == "cuda" && TakesThePlaceOfAGpu.Value);

    private static bool IsInstalled(string library) => File.Exists(PathOf(library));

    private static string PathOf(string library) => Path.Combine(AppContext.BaseDirectory, $"libkpkernels_{library}.so");

    private static nint Find(string symbol) => NativeLibrary.GetExport(Exports.Value, symbol);
}
