namespace KServePaged.Engine.KvCache;

/// <summary>
/// The physical blocks of one sequence in logical order: block i holds its tokens [i * BlockTokens, (i + 1) * BlockTokens). Beside them the
/// chain of hashes that names their content, computed once and kept when the blocks are given back.
/// </summary>
internal sealed class BlockTable
{
    private int[] _blocks = new int[8];
    private UInt128[] _hashes = [];

    /// <summary>Parent of the first block's hash; null = the content is neither looked up nor registered.</summary>
    public UInt128? ChainRoot { get; init; }

    public int Count { get; private set; }

    /// <summary>Leading full blocks whose hash is known.</summary>
    public int HashCount { get; private set; }

    /// <summary>Leading blocks that were offered to the prefix cache.</summary>
    public int RegisteredCount { get; set; }

    public ReadOnlySpan<int> Blocks => _blocks.AsSpan(0, Count);

    public UInt128 HashOf(int index) => _hashes[index];

    public void Add(int block)
    {
        if (Count == _blocks.Length)
        {
            Array.Resize(ref _blocks, Count * 2);
        }
        _blocks[Count++] = block;
    }

    /// <summary>Forgets the blocks from <paramref name="count"/> on; giving them back to the pool is the caller's business.</summary>
    public void Truncate(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Count);
        Count = count;
        RegisteredCount = Math.Min(RegisteredCount, count);
    }

    /// <summary>Makes room, so that growing to this many blocks allocates nothing.</summary>
    public void EnsureCapacity(int blocks)
    {
        if (blocks > _blocks.Length)
        {
            Array.Resize(ref _blocks, blocks);
        }
        if (ChainRoot is not null && blocks > _hashes.Length)
        {
            Array.Resize(ref _hashes, blocks);
        }
    }

    /// <summary>Extends the chain over the first <paramref name="count"/> full blocks of the sequence's tokens.</summary>
    public void ExtendHashes(BlockHasher hasher, ReadOnlySpan<int> tokens, int blockTokens, int count)
    {
        UInt128 root = ChainRoot ?? throw new InvalidOperationException("A table without a chain root has no hashes.");
        if (count > _hashes.Length)
        {
            Array.Resize(ref _hashes, Math.Max(count, _hashes.Length * 2));
        }
        for (; HashCount < count; HashCount++)
        {
            UInt128 parent = HashCount == 0 ? root : _hashes[HashCount - 1];
            _hashes[HashCount] = hasher.Next(parent, tokens.Slice(HashCount * blockTokens, blockTokens));
        }
    }
}
