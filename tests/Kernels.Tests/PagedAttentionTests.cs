using System.Collections.Concurrent;
using KServePaged.Engine.Kernels;
using KServePaged.Kernels.Tests.Harness;
using KServePaged.Kernels.Tests.Oracle;

namespace KServePaged.Kernels.Tests;

public sealed class PagedAttentionTests
{
    /// <summary>The oracle's results by what the case prints, made once for all targets.</summary>
    private static readonly ConcurrentDictionary<string, (double[] Y, double[] Bound)> Expected = new();

    [Theory]
    [MemberData(nameof(KernelTarget.All), MemberType = typeof(KernelTarget))]
    public void PagedAttention_EachCase_MatchesTheOracle(KernelTarget target) => Rig.RunTable(target, AttentionCase.Table, (rig, c) =>
    {
        var run = new AttentionRun(rig, c);
        float[] y = run.Attend();
        (double[] expected, double[] bound) = Expected.GetOrAdd(c.ToString(), _ => Oracle(c, run));
        Expect.Near(expected, y, bound);
    });

    /// <summary>Batch invariance: a sequence alone, in chunks of any size, in another order, with other threads and a larger launch.</summary>
    [Theory]
    [MemberData(nameof(KernelTarget.All), MemberType = typeof(KernelTarget))]
    public void PagedAttention_HoweverBatched_HasTheSameBits(KernelTarget target)
    {
        using Rig other = Rig.Open(target.WithThreads(target.Threads == 1 ? 3 : 1));
        AttentionCase[] cases =
        [
            new([(1, 700), (37, 330), (1, 5), (12, 12)], 6, 2, 64, CacheType.BFloat16),
            new([(40, 40), (1, 1300)], 4, 4, 48, CacheType.Float32, BlockTokens: 8, Window: 300),
            new([(1, 513), (1, 1), (300, 555)], 2, 1, 80, CacheType.Float16, ElementType.BFloat16),
            new([(1, 520), (40, 300), (12, 12)], 6, 2, 64, CacheType.Int8),
            new([(1, 700), (70, 330), (1, 5), (12, 12)], 6, 2, 64, CacheType.BFloat16, ElementType.BFloat16),
            new([(1, 513), (40, 300)], 7, 1, 33, CacheType.BFloat16, ElementType.BFloat16, BlockTokens: 7, Window: 101),
        ];
        Rig.RunTable(target, cases, (rig, c) =>
        {
            var run = new AttentionRun(rig, c);
            float[] together = run.Attend();
            Expect.SameBits(together, new AttentionRun(other, c).Attend(), "with another number of threads");
            int width = c.QueryHeads * c.HeadDim;
            int start = 0;
            for (int s = 0; s < c.Sequences.Length; s++)
            {
                int rows = c.Sequences[s].Rows;
                ReadOnlySpan<float> expected = together.AsSpan(start * width, rows * width);
                Expect.SameBits(expected, run.Attend([(s, 0, rows)], extraContext: 5000), $"sequence {s} alone");
                foreach (int chunk in new[] { 1, 7, 16, 33 }.Where(size => size < rows))
                {
                    var parts = new List<float>();
                    for (int first = 0; first < rows; first += chunk)
                    {
                        parts.AddRange(run.Attend([(s, first, Math.Min(chunk, rows - first))]));
                    }
                    Expect.SameBits(expected, parts.ToArray(), $"sequence {s} in chunks of {chunk}");
                }
                start += rows;
            }
            other.FreeArrays();
        });
    }

    [Theory]
    [MemberData(nameof(KernelTarget.SingleThreaded), MemberType = typeof(KernelTarget))]
    public void PagedAttention_WithBadArguments_Refuses(KernelTarget target)
    {
        using Rig rig = Rig.Open(target);
        var c = new AttentionCase([(1, 20), (2, 2)], 4, 2, 8);
        nint y = rig.Allocate<float>(3 * 32).Address;
        PagedAttentionArguments good = new AttentionRun(rig, c).Arguments([(0, 0, 1), (1, 0, 2)]) with { Y = y };
        rig.Stream.PagedAttention(good);
        nint Ints(params int[] values) => rig.Upload(values).Address;
        void Refused(PagedAttentionArguments bad, string what) => Expect.InvalidArgument(() => rig.Stream.PagedAttention(bad), what);

        Refused(good with { Q = 0 }, "q");
        Refused(good with { KeyCache = 0 }, "key cache");
        Refused(good with { ValueCache = 0 }, "value cache");
        Refused(good with { BlockTables = 0 }, "block tables");
        Refused(good with { QueryStart = 0 }, "query start");
        Refused(good with { Context = 0 }, "context");
        Refused(good with { Y = 0 }, "y");
        Refused(good with { QStride = 31 }, "q stride");
        Refused(good with { YStride = 31 }, "y stride");
        Refused(good with { Tokens = -1 }, "tokens");
        Refused(good with { Sequences = -1 }, "sequences");
        Refused(good with { QueryHeads = 3 }, "query heads");
        Refused(good with { KvHeads = 0 }, "kv heads");
        Refused(good with { HeadDim = 0 }, "head dim");
        Refused(good with { HeadDim = 513 }, "head dim");
        Refused(good with { BlockTokens = 0 }, "block tokens");
        Refused(good with { Window = -1 }, "window");
        Refused(good with { CacheType = (CacheType)4 }, "cache type");
        Refused(good with { BlockStride = good.BlockStride - 20 }, "block stride below a block");
        Refused(good with { BlockStride = good.BlockStride + 2 }, "block stride no multiple of 4");
        Refused(good with { CacheType = CacheType.Int8, HeadDim = 5, BlockTokens = 6 }, "scales not aligned");
        Refused(good with { YType = ElementType.Float16 }, "y type");
        if (!target.ChecksContents)
        {
            return;
        }
        Refused(good with { MaxContext = 19 }, "max context");
        Refused(good with { QueryStart = Ints(0, 1, 2) }, "query start ends early");
        Refused(good with { QueryStart = Ints(1, 1, 3) }, "query start begins late");
        Refused(good with { QueryStart = Ints(0, 4, 3) }, "query start falls");
        Refused(good with { Context = Ints(20, 1) }, "context below the rows");
        Refused(good with { BlockTableStride = 1 }, "block table");
    }

    internal static (double[] Y, double[] Bound) Oracle(AttentionCase c, AttentionRun run)
    {
        double roundoff = c.YType == ElementType.Float32 ? 0 : Elements.UnitRoundoff(c.YType);
        var y = new List<double>();
        var bound = new List<double>();
        int token = 0;
        for (int s = 0; s < c.Sequences.Length; s++)
        {
            (int rows, int context) = c.Sequences[s];
            for (int r = 0; r < rows; r++, token++)
            {
                for (int h = 0; h < c.QueryHeads; h++)
                {
                    ReadOnlySpan<float> q = run.Q.AsSpan(((token * c.QueryHeads) + h) * c.HeadDim, c.HeadDim);
                    (double[] head, double[] error) =
                        AttentionOracle.Row(c, q, run.Keys[s], run.Values[s], h / (c.QueryHeads / c.KvHeads), context - rows + r, roundoff);
                    y.AddRange(head);
                    bound.AddRange(error);
                }
            }
        }
        return ([.. y], [.. bound]);
    }
}
