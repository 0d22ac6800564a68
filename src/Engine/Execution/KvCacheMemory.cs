using KServePaged.Engine.Kernels;
using KServePaged.Engine.Models;

namespace KServePaged.Engine.Execution;

/// <summary>The bytes of the cache: for each layer a pool of key blocks and a pool of value blocks, [blocks, kvHeads, blockTokens, headDim].</summary>
internal sealed class KvCacheMemory : IDisposable
{
    private readonly DeviceBuffer _pool;

    public KvCacheMemory(Device device, IReadOnlyList<KvLayerShape> layers, ElementType type, int blockCount, int blockTokens)
    {
        Type = type;
        BlockTokens = blockTokens;
        // Each region starts on a cache line, whatever the shape of its blocks.
        _pool = device.Allocate(layers.Sum(layer => 2 * Scratch.SizeOf(LayerBytes(layer, type, blockTokens) * blockCount)));
        Keys = new nint[layers.Count];
        Values = new nint[layers.Count];
        nint at = _pool.Address;
        for (int layer = 0; layer < layers.Count; layer++)
        {
            nint bytes = (nint)Scratch.SizeOf(LayerBytes(layers[layer], type, blockTokens) * blockCount);
            Keys[layer] = at;
            Values[layer] = at + bytes;
            at += 2 * bytes;
        }
    }

    public ElementType Type { get; }

    public int BlockTokens { get; }

    /// <summary>Address of each layer's keys.</summary>
    public nint[] Keys { get; }

    public nint[] Values { get; }

    /// <summary>Bytes that one block takes in all layers together.</summary>
    public static long BlockBytes(IReadOnlyList<KvLayerShape> layers, ElementType type, int blockTokens) =>
        layers.Sum(layer => 2 * LayerBytes(layer, type, blockTokens));

    public void Dispose() => _pool.Dispose();

    private static long LayerBytes(KvLayerShape layer, ElementType type, int blockTokens) =>
        (long)layer.KvHeads * layer.HeadDim * blockTokens * type.Bytes();
}
