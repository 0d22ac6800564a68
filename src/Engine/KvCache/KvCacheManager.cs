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
    private readonly Queue<(int Block, long Step)> _retired = new();
    private long _begunSteps;
    private long _completeSteps;

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

    /// <summary>Steps that were begun and are not complete: the device may still read and write the blocks of their sequences.</summary>
    public int StepsUnderWay => (int)(_begunSteps - _completeSteps);

    /// <summary>Blocks that are in no table any more and that a step under way may still use.</summary>
    public IEnumerable<int> RetiredBlocks => _retired.Select(retired => retired.Block);

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

    /// <summary>Gives the blocks from <paramref name="keep"/> on back, the last first: a chain's tail is the least likely to be found again.
    /// No step under way may use them.</summary>
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

    /// <summary>A step was begun that uses blocks of the tables as they are now.</summary>
    public void BeginStep() => _begunSteps++;

    /// <summary>The oldest step under way has run: what only it could still use is free.</summary>
    public void CompleteStep()
    {
        _completeSteps++;
        while (_retired.TryPeek(out (int Block, long Step) retired) && retired.Step <= _completeSteps)
        {
            _retired.Dequeue();
            Pool.Release(retired.Block, worthKeeping: Prefixes.IsRegistered(retired.Block));
        }
    }

    /// <summary>Gives all blocks of a sequence back that is planned no more, once every step that was begun with them is complete.</summary>
    public void Retire(BlockTable table)
    {
        if (StepsUnderWay == 0)
        {
            Release(table);
            return;
        }
        for (int i = table.Count - 1; i >= 0; i--)
        {
            _retired.Enqueue((table.Blocks[i], _begunSteps));
        }
        table.Truncate(0);
    }

    /// <summary>Takes the first free block, which loses the prefix that it held.</summary>
    internal int Take()
    {
        int block = Pool.Take();
        Prefixes.Forget(block);
        return block;
    }
}
