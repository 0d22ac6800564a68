namespace KServePaged.Engine.KvCache;

/// <summary>
/// The blocks that one step takes. Dispose without <see cref="Commit"/> gives them back and cuts the tables to what they were; prefixes
/// that were overwritten for it stay forgotten. A refusal changes nothing. Engine thread only.
/// </summary>
internal sealed class KvReservation : IDisposable
{
    private readonly KvCacheManager _cache;
    private readonly List<(BlockTable Table, int Count)> _before = [];
    private bool _open;

    internal KvReservation(KvCacheManager cache) => _cache = cache;

    /// <summary>
    /// Takes the blocks for all <paramref name="tokens"/> of a sequence that has none, the leading ones by reference where the prefix cache
    /// knows them. At least one token is left to compute, since its logits are wanted.
    /// </summary>
    /// <param name="maxLength">What the sequence may grow to; room in its table, no lease.</param>
    /// <param name="spareBlocks">Blocks that must stay free for the growth of others.</param>
    /// <param name="usePrefix">False: the sequence must compute every token itself.</param>
    /// <returns>Leading tokens that need not be computed; null when too few blocks are free.</returns>
    public int? TryAdmit(BlockTable table, ReadOnlySpan<int> tokens, int maxLength, int spareBlocks, bool usePrefix)
    {
        if (table.Count != 0)
        {
            throw new InvalidOperationException("Only a sequence without blocks is admitted.");
        }
        int hits = 0;
        int freeHits = 0;
        if (usePrefix && table.ChainRoot is not null)
        {
            Match(table, tokens, out hits, out freeHits);
        }
        int fresh = _cache.BlocksFor(tokens.Length) - hits;
        if (fresh + freeHits + (long)spareBlocks > _cache.Pool.FreeCount)
        {
            return null;
        }
        table.EnsureCapacity(_cache.BlocksFor(maxLength));
        _before.Add((table, 0));
        for (int i = 0; i < hits; i++)
        {
            _cache.Prefixes.TryFind(table.HashOf(i), out int block);
            _cache.Pool.Retain(block);
            table.Add(block);
        }
        table.RegisteredCount = hits;
        Take(table, fresh);
        return hits * _cache.BlockTokens;
    }

    /// <summary>Takes what the table lacks for <paramref name="length"/> tokens.</summary>
    /// <returns>False when too few blocks are free.</returns>
    public bool TryExtend(BlockTable table, int length)
    {
        int missing = _cache.BlocksFor(length) - table.Count;
        if (missing <= 0)
        {
            return true;
        }
        if (missing > _cache.Pool.FreeCount)
        {
            return false;
        }
        _before.Add((table, table.Count));
        Take(table, missing);
        return true;
    }

    /// <summary>The step has written what it planned: the sequences keep their blocks.</summary>
    public void Commit() => Close();

    public void Dispose()
    {
        if (!_open)
        {
            return;
        }
        for (int i = _before.Count - 1; i >= 0; i--)
        {
            _cache.Release(_before[i].Table, keep: _before[i].Count);
        }
        Close();
    }

    internal KvReservation Open()
    {
        if (_open)
        {
            throw new InvalidOperationException("The reservation of the step before is still open.");
        }
        _open = true;
        return this;
    }

    private void Match(BlockTable table, ReadOnlySpan<int> tokens, out int hits, out int freeHits)
    {
        int most = (tokens.Length - 1) / _cache.BlockTokens;
        freeHits = 0;
        for (hits = 0; hits < most; hits++)
        {
            table.ExtendHashes(_cache.Hasher, tokens, _cache.BlockTokens, hits + 1);
            if (!_cache.Prefixes.TryFind(table.HashOf(hits), out int block))
            {
                return;
            }
            freeHits += _cache.Pool.References(block) == 0 ? 1 : 0;
        }
    }

    private void Take(BlockTable table, int count)
    {
        for (int i = 0; i < count; i++)
        {
            table.Add(_cache.Take());
        }
    }

    private void Close()
    {
        _before.Clear();
        _open = false;
    }
}
