using System.Collections.Concurrent;
using KServePaged.Engine.Kernels;
using KServePaged.Kernels.Emulation;
using KServePaged.Kernels.Tests.Harness;

namespace KServePaged.Kernels.Tests;

/// <summary>Steps with long sequences, for which the CUDA library has a kernel of its own, beside short ones.</summary>
public sealed class PagedAttentionLongTests
{
    private static readonly ConcurrentDictionary<string, (double[] Y, double[] Bound)> Expected = new();

    public static TheoryData<KernelTarget> Targets { get; } =
        [.. KernelTarget.All.Select(row => row.Data).Where(target => CudaEmulation.Libraries.Contains(target.Library))];

    private static IEnumerable<AttentionCase> Cases(KernelTarget target)
    {
        (CacheType, ElementType)[] types =
        [
            (CacheType.BFloat16, ElementType.BFloat16), (CacheType.BFloat16, ElementType.Float32), (CacheType.Float16, ElementType.Float32), (CacheType.Int8, ElementType.BFloat16),
        ];
        foreach ((CacheType cache, ElementType y) in types)
        {
            yield return new AttentionCase([(130, 300)], 4, 2, 64, cache, y);
            yield return new AttentionCase([(70, 130), (1, 300), (100, 100), (3, 70)], 6, 2, 128, cache, y, BlockTokens: 12);
            yield return new AttentionCase([(90, 333)], 3, 1, 80, cache, y, Window: 100, Padding: 3, Skew: 1);
            yield return new AttentionCase([(64, 64), (65, 129)], 2, 2, 48, cache, y, BlockTokens: 64, Window: 3);
            yield return new AttentionCase([(40, 600), (0, 5)], 8, 1, 32, cache, y);
            if (!target.IsEmulated)
            {
                // A GPU takes the kernel where each of its multiprocessors has a tile.
                yield return new AttentionCase([(1000, 1500), (1, 900), (1200, 1200)], 32, 8, 128, cache, y);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Targets))]
    public void PagedAttention_OfLongSequences_MatchesTheOracle(KernelTarget target) => Rig.RunTable(target, Cases(target), (rig, c) =>
    {
        var run = new AttentionRun(rig, c);
        float[] y = run.Attend();
        (double[] expected, double[] bound) = Expected.GetOrAdd(c.ToString(), _ => PagedAttentionTests.Oracle(c, run));
        Expect.Near(expected, y, bound);
    });

    /// <summary>In chunks so small that the kernel for short sequences takes them.</summary>
    [Theory]
    [MemberData(nameof(Targets))]
    public void PagedAttention_OfALongSequenceInShortChunks_HasTheSameBits(KernelTarget target) => Rig.RunTable(target, Cases(target), (rig, c) =>
    {
        var run = new AttentionRun(rig, c);
        float[] together = run.Attend();
        int width = c.QueryHeads * c.HeadDim;
        int start = 0;
        for (int s = 0; s < c.Sequences.Length; s++)
        {
            int rows = c.Sequences[s].Rows;
            var parts = new List<float>();
            for (int first = 0; first < rows; first += 7)
            {
                parts.AddRange(run.Attend([(s, first, Math.Min(7, rows - first))]));
            }
            Expect.SameBits(together.AsSpan(start * width, rows * width), parts.ToArray(), $"sequence {s}");
            start += rows;
        }
    });
}
