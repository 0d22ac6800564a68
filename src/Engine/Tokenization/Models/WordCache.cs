using System.Runtime.InteropServices;

namespace KServePaged.Engine.Tokenization.Models;

/// <summary>
/// Ids of words seen lately. Of fixed size, so hostile text can only make it useless, never large; an entry is one immutable array,
/// published by one reference write, so it needs no lock.
/// </summary>
internal sealed class WordCache
{
    private const int SlotCount = 1 << 15;
    private const int MaxWordBytes = 64;
    private const int HeaderBytes = 8; // hash, length of the word

    // Ids, then the word; two places for each hash.
    private readonly byte[]?[] _slots = new byte[SlotCount][];

    public bool TryAppend(ReadOnlySpan<byte> word, uint hash, List<int> ids)
    {
        int slot = (int)(hash % SlotCount);
        return TryAppend(_slots[slot], word, hash, ids) || TryAppend(_slots[slot ^ 1], word, hash, ids);
    }

    public void Store(ReadOnlySpan<byte> word, uint hash, ReadOnlySpan<int> ids)
    {
        if (word.Length > MaxWordBytes)
        {
            return;
        }
        ReadOnlySpan<byte> idBytes = MemoryMarshal.AsBytes(ids);
        var entry = new byte[HeaderBytes + idBytes.Length + word.Length];
        MemoryMarshal.Write(entry, hash);
        MemoryMarshal.Write(entry.AsSpan(4), word.Length);
        idBytes.CopyTo(entry.AsSpan(HeaderBytes));
        word.CopyTo(entry.AsSpan(HeaderBytes + idBytes.Length));
        int slot = (int)(hash % SlotCount);
        _slots[slot ^ 1] = _slots[slot]; // the older of the two makes room
        _slots[slot] = entry;
    }

    private static bool TryAppend(byte[]? entry, ReadOnlySpan<byte> word, uint hash, List<int> ids)
    {
        if (entry is null || MemoryMarshal.Read<uint>(entry) != hash || MemoryMarshal.Read<int>(entry.AsSpan(4)) != word.Length)
        {
            return false;
        }
        int wordStart = entry.Length - word.Length;
        if (!word.SequenceEqual(entry.AsSpan(wordStart)))
        {
            return false;
        }
        ids.AddRange(MemoryMarshal.Cast<byte, int>(entry.AsSpan(HeaderBytes, wordStart - HeaderBytes)));
        return true;
    }
}
