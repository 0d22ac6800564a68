using System.Diagnostics.CodeAnalysis;

namespace KServePaged.Engine.KvCache;

/// <summary>
/// Leases the blocks of the cache to sequences and finds computed prefixes again. Knows ids only; the bytes lie elsewhere. What a step takes
/// goes through its <see cref="KvReservation"/>. Engine thread only.
/// </summary>
[SuppressMessage(
    "Design", "CA1001:Types that own disposable fields should be disposable", Justification = "Disposing a reservation ends a step, it frees no resource.")]
internal sealed class KvCacheManager
{
    private readonly KvReservation _reservation;

    /// <param name="hashKey">Random per engine; passed in, so that a test can repeat a run.</param>
    public KvCacheManager(int blockCount, int blockTokens, UInt128 hashKey)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(blockTokens, 1);
        BlockTokens = blockTokens;
        Pool = new BlockPool(blockCount);
        Prefixes = new PrefixCache(blockCount);
        Hasher = new BlockHasher(hashKey);
        _reservation = new KvReservation(this);
    }

    public int BlockTokens { get; }

    public BlockPool Pool { get; }

    public PrefixCache Prefixes { get; }

    public BlockHasher Hasher { get; }

    public int BlocksFor(int tokens) => (int)(((long)tokens + BlockTokens - 1) / BlockTokens);

    /// <summary>Opens the reservation of a step. One at a time; the object is reused.</summary>
    public KvReservation Reserve() => _reservation.Open();

    /// <summary>Makes the full blocks among the first <paramref name="computedLength"/> tokens findable.</summary>
    public void Register(BlockTable table, ReadOnlySpan<int> tokens, int computedLength)
    {
        int full = computedLength / BlockTokens;
        if (table.ChainRoot is null || full <= table.RegisteredCount)
        {
            return;
        }
        table.ExtendHashes(Hasher, tokens, BlockTokens, full);
        for (int i = table.RegisteredCount; i < full; i++)
        {
            Prefixes.Register(table.Blocks[i], table.HashOf(i));
        }
        table.RegisteredCount = full;
    }

    /// <summary>Gives the blocks from <paramref name="keep"/> on back, the last first: a chain's tail is the least likely to be found again.</summary>
    public void Release(BlockTable table, int keep = 0)
    {
        for (int i = table.Count - 1; i >= keep; i--)
        {
            int block = table.Blocks[i];
            Pool.Release(block, worthKeeping: Prefixes.IsRegistered(block));
        }
        if (table.Count > keep)
        {
            table.Truncate(keep);
        }
    }

    /// <summary>Takes the first free block, which loses the prefix that it held.</summary>
    internal int Take()
    {
        int block = Pool.Take();
        Prefixes.Forget(block);
        return block;
    }
}
