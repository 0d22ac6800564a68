namespace KServePaged.Engine.KvCache;

/// <summary>
/// Which block holds the content of which hash. One block is found per hash; a second block with the same content stays unregistered,
/// because tables only grow and never exchange a block. Engine thread only.
/// </summary>
internal sealed class PrefixCache
{
    private readonly Dictionary<UInt128, int> _blocks;
    private readonly UInt128[] _hashes;
    private readonly bool[] _registered;

    public PrefixCache(int blockCount)
    {
        // Room for all: the table never grows, so that registering allocates nothing.
        _blocks = new Dictionary<UInt128, int>(blockCount);
        _hashes = new UInt128[blockCount];
        _registered = new bool[blockCount];
    }

    /// <summary>Blocks that can be found.</summary>
    public int Count => _blocks.Count;

    public bool IsRegistered(int block) => _registered[block];

    /// <summary>Meaningful for registered blocks only.</summary>
    public UInt128 HashOf(int block) => _hashes[block];

    public bool TryFind(UInt128 hash, out int block) => _blocks.TryGetValue(hash, out block);

    /// <summary>Makes a full, computed block findable, unless another with its content already is.</summary>
    public void Register(int block, UInt128 hash)
    {
        if (!_registered[block] && _blocks.TryAdd(hash, block))
        {
            _hashes[block] = hash;
            _registered[block] = true;
        }
    }

    /// <summary>Called when the block is about to be written anew.</summary>
    public void Forget(int block)
    {
        if (_registered[block])
        {
            _registered[block] = false;
            _blocks.Remove(_hashes[block]);
        }
    }
}
