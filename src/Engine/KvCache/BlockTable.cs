namespace KServePaged.Engine.KvCache;

/// <summary>The physical blocks of one sequence in logical order: block i holds its tokens [i * BlockTokens, (i + 1) * BlockTokens).</summary>
internal sealed class BlockTable
{
    private int[] _blocks = new int[8];

    public int Count { get; private set; }

    public ReadOnlySpan<int> Blocks => _blocks.AsSpan(0, Count);

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
    }
}
