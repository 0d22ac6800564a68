using KServePaged.Engine.Kernels;

namespace KServePaged.Kernels.Tests.Harness;

/// <summary>One step's attention: for each sequence its query rows and its cached tokens.</summary>
internal sealed record AttentionCase(
    (int Rows, int Context)[] Sequences,
    int QueryHeads,
    int KvHeads,
    int HeadDim,
    CacheType Cache = CacheType.Float32,
    ElementType YType = ElementType.Float32,
    int BlockTokens = 16,
    int Window = 0,
    int Padding = 0,
    int Skew = 0,
    float? Scale = null)
{
    public int Tokens => Sequences.Sum(sequence => sequence.Rows);

    public int MaxContext => Math.Max(1, Sequences.Select(sequence => sequence.Context).DefaultIfEmpty(0).Max());

    public int BlocksPerSequence => ((MaxContext + BlockTokens - 1) / BlockTokens) + 1;

    public float ScoreScale => Scale ?? (float)(1 / Math.Sqrt(HeadDim));

    public override string ToString() =>
        $"{QueryHeads}/{KvHeads} heads of {HeadDim}, {Cache} → {YType}, blocks of {BlockTokens}, window {Window}, scale {ScoreScale}, "
        + $"[{string.Join(' ', Sequences.Select(sequence => $"{sequence.Rows}@{sequence.Context}"))}]";

    public static IEnumerable<AttentionCase> Table
    {
        get
        {
            (int, int)[] mixed = [(1, 1), (5, 5), (1, 40), (7, 33), (1, 17), (3, 300)];
            foreach (CacheType cache in Enum.GetValues<CacheType>())
            {
                yield return new AttentionCase([], 2, 1, 8, cache);
                yield return new AttentionCase([(1, 1)], 1, 1, 1, cache, BlockTokens: cache == CacheType.Int8 ? 4 : 1);
                yield return new AttentionCase([(1, 2), (3, 3)], 2, 2, 3, cache, BlockTokens: cache == CacheType.Int8 ? 4 : 2);
                yield return new AttentionCase(mixed, 4, 2, 48, cache);
                yield return new AttentionCase(mixed, 6, 1, 33, cache, ElementType.BFloat16, BlockTokens: cache == CacheType.Int8 ? 12 : 7, Padding: 5, Skew: 1);
                yield return new AttentionCase(mixed, 3, 3, 64, cache, BlockTokens: 32, Window: 4);
                yield return new AttentionCase([(20, 20), (0, 9), (9, 600)], 8, 2, 64, cache, ElementType.BFloat16, Window: 100);
                yield return new AttentionCase([(1, 1025)], 8, 1, 128, cache, BlockTokens: 16);
                yield return new AttentionCase([(4, 700), (1, 2)], 2, 2, 256, cache, BlockTokens: 256, Skew: 3);
                yield return new AttentionCase([(70, 130)], 5, 5, 80, cache, Padding: 3);
                yield return new AttentionCase([(2, 33)], 2, 1, 512, cache, BlockTokens: 5);
            }
            // Equal weights: the mean of the values, where one wrong or missing token shows.
            yield return new AttentionCase([(3, 515), (1, 256)], 4, 2, 20, Scale: 0);
            // One key wins by far: its value comes out, whatever span it is in.
            yield return new AttentionCase([(6, 777)], 4, 1, 64, Scale: 20);
            yield return new AttentionCase([(1, 4099), (1, 1)], 4, 4, 16, CacheType.BFloat16, Scale: 3);
            yield return new AttentionCase([(1, 4099), (1, 1)], 8, 2, 64, CacheType.Int8, Scale: 1);
            yield return new AttentionCase([(2, 1000)], 4, 2, 32, Window: 256);
            yield return new AttentionCase([(2, 1000)], 4, 2, 32, Window: 1);
        }
    }
}
