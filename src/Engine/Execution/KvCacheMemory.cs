using KServePaged.Engine.Kernels;
using KServePaged.Engine.Models;

namespace KServePaged.Engine.Execution;

/// <summary>
/// The bytes of the cache. A block holds, layer after layer, the keys and then the values of its tokens, so that a sequence touches as much
/// memory as it has blocks: with a region for each layer, a new server's first steps met a fresh huge page in each of them and took up to
/// 50 ms longer.
/// </summary>
internal sealed class KvCacheMemory : IDisposable
{
    private readonly DeviceBuffer _pool;
    private readonly BackgroundTouch? _touch;

    /// <param name="device">Gives the memory.</param>
    /// <param name="layers">What each layer caches of a token.</param>
    /// <param name="type">Of keys and values.</param>
    /// <param name="blockCount">Blocks of the pool.</param>
    /// <param name="blockTokens">Tokens of a block.</param>
    /// <param name="touch">Takes the memory from the system at once instead of block by block at their first use.</param>
    public KvCacheMemory(Device device, IReadOnlyList<KvLayerShape> layers, CacheType type, int blockCount, int blockTokens, bool touch)
    {
        Type = type;
        BlockTokens = blockTokens;
        BlockStride = BlockBytes(layers, type, blockTokens);
        _pool = device.Allocate(BlockStride * blockCount);
        Keys = new nint[layers.Count];
        Values = new nint[layers.Count];
        nint at = _pool.Address;
        for (int layer = 0; layer < layers.Count; layer++)
        {
            nint bytes = (nint)LayerBytes(layers[layer], type, blockTokens);
            Keys[layer] = at;
            Values[layer] = at + bytes;
            at += 2 * bytes;
        }
        _touch = touch ? new BackgroundTouch(_pool) : null;
    }

    public CacheType Type { get; }

    public int BlockTokens { get; }

    /// <summary>Bytes from one block to the next.</summary>
    public long BlockStride { get; }

    /// <summary>Address of each layer's keys in the first block.</summary>
    public nint[] Keys { get; }

    public nint[] Values { get; }

    /// <summary>Bytes that one block takes in all layers together.</summary>
    public static long BlockBytes(IReadOnlyList<KvLayerShape> layers, CacheType type, int blockTokens) =>
        layers.Sum(layer => 2 * LayerBytes(layer, type, blockTokens));

    public void Dispose()
    {
        _touch?.Dispose();
        _pool.Dispose();
    }

    // Each part starts on a cache line, whatever its shape.
    private static long LayerBytes(KvLayerShape layer, CacheType type, int blockTokens) =>
        Scratch.SizeOf((long)layer.KvHeads * blockTokens * type.HeadBytes(layer.HeadDim));
}
