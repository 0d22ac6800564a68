namespace KServePaged.Engine.KvCache;

/// <summary>
/// All blocks of the cache: how many tables hold each, and the free ones in the order in which they are taken. A free block may still hold
/// a findable prefix; it keeps it until it is taken. Engine thread only.
/// </summary>
internal sealed class BlockPool
{
    private const int NotFree = -1;

    // The free list is threaded through these arrays (index BlockCount is its sentinel), so that a block is unlinked in O(1).
    private readonly int[] _next;
    private readonly int[] _previous;
    private readonly int[] _references;

    public BlockPool(int blockCount)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(blockCount, 1);
        BlockCount = blockCount;
        FreeCount = blockCount;
        _references = new int[blockCount];
        _next = new int[blockCount + 1];
        _previous = new int[blockCount + 1];
        for (int i = 0; i <= blockCount; i++)
        {
            _next[i] = i == blockCount ? 0 : i + 1;
            _previous[i] = i == 0 ? blockCount : i - 1;
        }
    }

    public int BlockCount { get; }

    public int FreeCount { get; private set; }

    public int UsedCount => BlockCount - FreeCount;

    /// <summary>Tables that hold the block; 0 = free.</summary>
    public int References(int block) => _references[block];

    /// <summary>Takes the first free block; its references become 1.</summary>
    /// <exception cref="InvalidOperationException">None is free: callers ask <see cref="FreeCount"/> first.</exception>
    public int Take()
    {
        if (FreeCount == 0)
        {
            throw new InvalidOperationException("The block pool is empty.");
        }
        int block = _next[BlockCount];
        Unlink(block);
        _references[block] = 1;
        return block;
    }

    /// <summary>One more table holds the block, whether or not another did.</summary>
    public void Retain(int block)
    {
        if (_references[block] == 0)
        {
            Unlink(block);
        }
        _references[block]++;
    }

    /// <summary>One table less holds the block. The last one frees it: to be taken last if it is worth keeping, else first.</summary>
    public void Release(int block, bool worthKeeping)
    {
        if (_references[block] == 0)
        {
            throw new InvalidOperationException($"Block {block} is already free.");
        }
        if (--_references[block] == 0)
        {
            Link(block, after: worthKeeping ? _previous[BlockCount] : BlockCount);
        }
    }

    /// <summary>Writes the free blocks in the order in which they will be taken.</summary>
    /// <returns>How many were written: <see cref="FreeCount"/>, unless the list is broken.</returns>
    public int CopyFreeTo(Span<int> blocks)
    {
        int count = 0;
        for (int block = _next[BlockCount]; block != BlockCount && count < blocks.Length; block = _next[block])
        {
            blocks[count++] = block;
        }
        return count;
    }

    private void Link(int block, int after)
    {
        int before = _next[after];
        _next[block] = before;
        _previous[block] = after;
        _next[after] = block;
        _previous[before] = block;
        FreeCount++;
    }

    private void Unlink(int block)
    {
        _next[_previous[block]] = _next[block];
        _previous[_next[block]] = _previous[block];
        _next[block] = NotFree;
        _previous[block] = NotFree;
        FreeCount--;
    }
}
