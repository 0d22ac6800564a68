namespace KServePaged.Engine.KvCache;

/// <summary>What must hold between any two steps. Tests hand in every table that exists and verify; costs time in proportion to the pool.</summary>
internal sealed class KvCacheInvariants(KvCacheManager cache)
{
    private readonly int[] _holders = new int[cache.Pool.BlockCount];

    /// <summary>Checks one table alone and counts its blocks.</summary>
    public void Add(BlockTable table, ReadOnlySpan<int> tokens, int computedLength)
    {
        Require(table.Count >= cache.BlocksFor(computedLength), $"{table.Count} blocks cannot hold {computedLength} computed tokens");
        Require(table.Blocks.ToArray().Distinct().Count() == table.Count, "a table holds a block twice");
        Require(table.RegisteredCount <= computedLength / cache.BlockTokens, "a block was registered before it was full and computed");
        UInt128? parent = table.ChainRoot;
        for (int i = 0; i < table.Count; i++)
        {
            int block = table.Blocks[i];
            _holders[block]++;
            bool complete = (i + 1) * cache.BlockTokens <= computedLength;
            if (!complete)
            {
                Require(cache.Pool.References(block) == 1, $"block {block} is shared and will be written");
                Require(!cache.Prefixes.IsRegistered(block), $"block {block} can be found and will be written");
            }
            else if (parent is { } before)
            {
                parent = cache.Hasher.Next(before, tokens.Slice(i * cache.BlockTokens, cache.BlockTokens));
                Require(table.HashCount <= i || table.HashOf(i) == parent, $"the stored chain differs at block {i}");
                Require(
                    !cache.Prefixes.IsRegistered(block) || cache.Prefixes.HashOf(block) == parent,
                    $"block {block} is registered under another content");
            }
            else
            {
                Require(!cache.Prefixes.IsRegistered(block), $"block {block} of a sequence that is not to be found can be found");
            }
        }
    }

    /// <summary>Checks the pool against the tables added before, and forgets them.</summary>
    public void Verify()
    {
        BlockPool pool = cache.Pool;
        int[] retired = [.. cache.RetiredBlocks];
        Require(retired.Length == 0 || cache.StepsUnderWay > 0, $"{retired.Length} blocks wait for a step, and none is under way");
        foreach (int block in retired)
        {
            _holders[block]++;
        }
        int[] free = new int[pool.BlockCount + 1];
        int freeCount = pool.CopyFreeTo(free);
        Require(freeCount == pool.FreeCount, $"the free list holds {freeCount} blocks, {pool.FreeCount} are counted");
        Require(free.AsSpan(0, freeCount).ToArray().Distinct().Count() == freeCount, "a block is free twice");
        for (int block = 0; block < pool.BlockCount; block++)
        {
            bool isFree = free.AsSpan(0, freeCount).Contains(block);
            Require(isFree == (pool.References(block) == 0), $"block {block}: free {isFree}, references {pool.References(block)}");
            Require(pool.References(block) == _holders[block], $"block {block}: {pool.References(block)} references, {_holders[block]} tables and steps");
            Require(
                !cache.Prefixes.IsRegistered(block) || (cache.Prefixes.TryFind(cache.Prefixes.HashOf(block), out int found) && found == block),
                $"block {block} is registered and not found");
        }
        Array.Clear(_holders);
    }

    private static void Require(bool condition, string message)
    {
        if (!condition)
        {
            throw new InvalidOperationException($"KV cache invariant broken: {message}.");
        }
    }
}
