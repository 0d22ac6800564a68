using KServePaged.Engine.Kernels;

namespace KServePaged.Kernels.Tests.Harness;

/// <summary>
/// A library, an instruction set and a number of threads that the case tables run against. A new library is one more line in
/// <see cref="All"/>; the cases know nothing of it.
/// </summary>
public sealed class KernelTarget
{
    private KernelTarget(string library, Isa isa, int threads)
    {
        Library = library;
        Isa = isa;
        Threads = threads;
    }

    public static TheoryData<KernelTarget> All { get; } = [.. Targets(threads: 1), .. Targets(threads: 2)];

    /// <summary>Each instruction set once, for what threads cannot change.</summary>
    public static TheoryData<KernelTarget> SingleThreaded { get; } = [.. Targets(threads: 1)];

    internal string Library { get; }

    internal Isa Isa { get; }

    internal int Threads { get; }

    internal KernelTarget WithThreads(int threads) => new(Library, Isa, threads);

    public override string ToString() => $"{Library} {Isa} threads={Threads}";

    private static IEnumerable<KernelTarget> Targets(int threads) =>
        from isa in new[] { Isa.Scalar, Isa.Avx2, Isa.Avx512, Isa.Avx512BFloat16 }
        select new KernelTarget("cpu", isa, threads);
}
