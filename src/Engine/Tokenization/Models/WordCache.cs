namespace KServePaged.Engine.Tokenization.Models;

/// <summary>
/// Ids of words seen lately. Direct-mapped and of fixed size, so hostile text can only make it useless, never large; entries are immutable
/// and published by one reference write, so it needs no lock.
/// </summary>
internal sealed class WordCache
{
    private const int SlotCount = 1 << 14;
    private const int MaxWordBytes = 64;

    private readonly Entry?[] _slots = new Entry?[SlotCount];

    public bool TryAppend(ReadOnlySpan<byte> word, uint hash, List<int> ids)
    {
        Entry? entry = _slots[hash % SlotCount];
        if (entry is null || entry.Hash != hash || !word.SequenceEqual(entry.Word))
        {
            return false;
        }
        ids.AddRange(entry.Ids);
        return true;
    }

    public void Store(ReadOnlySpan<byte> word, uint hash, ReadOnlySpan<int> ids)
    {
        if (word.Length <= MaxWordBytes)
        {
            _slots[hash % SlotCount] = new Entry(hash, word.ToArray(), ids.ToArray());
        }
    }

    private sealed class Entry(uint hash, byte[] word, int[] ids)
    {
        public uint Hash { get; } = hash;

        public byte[] Word { get; } = word;

        public int[] Ids { get; } = ids;
    }
}
