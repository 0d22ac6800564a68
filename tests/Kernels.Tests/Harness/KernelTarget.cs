using KServePaged.Engine.Kernels;
using KServePaged.Kernels.Emulation;

namespace KServePaged.Kernels.Tests.Harness;

/// <summary>
/// A library, an instruction set and a number of threads that the case tables run against. A new library is one more line in
/// <see cref="All"/>; the cases know nothing of it.
/// </summary>
public sealed class KernelTarget
{
    private KernelTarget(string library, Isa isa, int threads, bool isBatchInvariant = true)
    {
        Library = library;
        Isa = isa;
        Threads = threads;
        IsBatchInvariant = isBatchInvariant;
    }

    /// <summary>The CUDA kernels on a CPU, which take a thousand times as long. With one thread a block's threads run in order; another number is the
    /// seed of a random order.</summary>
    public static KernelTarget Emulated { get; } = new(CudaEmulation.Library, Isa.Auto, 1);

    public static TheoryData<KernelTarget> All { get; } = [.. Targets(threads: 1), .. Targets(threads: 2)];

    /// <summary>Each instruction set once, for what threads cannot change.</summary>
    public static TheoryData<KernelTarget> SingleThreaded { get; } = [.. Targets(threads: 1)];

    /// <summary>The CUDA libraries where they need not be batch invariant.</summary>
    public static TheoryData<KernelTarget> Variant { get; } =
        [.. from library in CudaEmulation.Libraries from threads in new[] { 1, 2 } select new KernelTarget(library, Isa.Auto, threads, isBatchInvariant: false)];

    internal string Library { get; }

    internal Isa Isa { get; }

    internal int Threads { get; }

    internal bool IsBatchInvariant { get; }

    internal bool IsEmulated => CudaEmulation.IsEmulated(Library);

    /// <summary>Whether the library looks into arrays before it uses them: ids and positions out of range are then refused.</summary>
    internal bool ChecksContents => Library == "cpu";

    /// <summary>Whether the library multiplies e4m3 codes.</summary>
    internal bool HasFloatCodes => Library != "cpu";

    /// <summary>Which device of the library is opened.</summary>
    internal int DeviceIndex => IsEmulated ? Threads - 1 : 0;

    internal KernelTarget WithThreads(int threads) => new(Library, Isa, threads, IsBatchInvariant);

    internal KernelTarget WithBatchInvariance() => new(Library, Isa, Threads);

    public override string ToString() => $"{Library} {Isa} threads={Threads}{(IsBatchInvariant ? "" : " variant")}";

    private static IEnumerable<KernelTarget> Targets(int threads) =>
    [
        .. from isa in new[] { Isa.Scalar, Isa.Avx2, Isa.Avx512, Isa.Avx512BFloat16 }
           where CudaEmulation.IsWanted("cpu")
           select new KernelTarget("cpu", isa, threads),
        .. from library in CudaEmulation.Libraries select new KernelTarget(library, Isa.Auto, threads),
    ];
}
