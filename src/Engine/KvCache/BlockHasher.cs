using System.Buffers.Binary;
using System.Text;

namespace KServePaged.Engine.KvCache;

/// <summary>
/// Names the content of cache blocks: a block's hash covers its tokens and, through its parent's hash, all tokens before it. The key is
/// random per engine, so that no caller can construct two prompts that share a name. Immutable; any thread.
/// </summary>
internal sealed class BlockHasher(UInt128 key)
{
    private enum RootKind : byte
    {
        Shared,
        Salted,
        Private,
    }

    /// <summary>The parent of first blocks: chains under different salts never meet.</summary>
    public UInt128 Root(string? salt) =>
        salt is null ? Root(RootKind.Shared, []) : Root(RootKind.Salted, Encoding.Unicode.GetBytes(salt));

    /// <summary>The parent of the first blocks of one request alone.</summary>
    public UInt128 PrivateRoot(long requestId)
    {
        Span<byte> id = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(id, requestId);
        return Root(RootKind.Private, id);
    }

    /// <summary>The hash of a full block behind <paramref name="parent"/>.</summary>
    public UInt128 Next(UInt128 parent, ReadOnlySpan<int> blockTokens)
    {
        Span<byte> data = stackalloc byte[16 + blockTokens.Length * sizeof(int)];
        BinaryPrimitives.WriteUInt128LittleEndian(data, parent);
        for (int i = 0; i < blockTokens.Length; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(data[(16 + i * sizeof(int))..], blockTokens[i]);
        }
        return SipHash128.Hash(key, data);
    }

    private UInt128 Root(RootKind kind, ReadOnlySpan<byte> value) => SipHash128.Hash(key, [(byte)kind, .. value]);
}
