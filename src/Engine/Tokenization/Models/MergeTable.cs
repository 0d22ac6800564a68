using System.Numerics;

namespace KServePaged.Engine.Tokenization.Models;

/// <summary>Which pairs of symbols merge, how early, and into what.</summary>
internal sealed class MergeTable
{
    private readonly Entry[] _entries;
    private readonly int _mask;

    /// <param name="capacity">Pairs that will be added at most.</param>
    public MergeTable(int capacity)
    {
        _entries = new Entry[Math.Max(4, (int)BitOperations.RoundUpToPowerOf2((uint)(capacity + (capacity / 2L)) | 1))];
        Array.Fill(_entries, new Entry(ulong.MaxValue, int.MaxValue, -1));
        _mask = _entries.Length - 1;
    }

    /// <summary>Adds a merge; one that comes again takes its later place, as in the reference library.</summary>
    public void Add(int left, int right, int rank, int merged)
    {
        ulong key = KeyOf(left, right);
        int at = SlotOf(key);
        while (_entries[at].Key != key && _entries[at].Rank != int.MaxValue)
        {
            at = (at + 1) & _mask;
        }
        _entries[at] = new Entry(key, rank, merged);
    }

    /// <returns>Rank and result; rank <see cref="int.MaxValue"/> when the pair does not merge.</returns>
    public (int Rank, int Merged) Find(int left, int right)
    {
        ulong key = KeyOf(left, right);
        for (int at = SlotOf(key); ; at = (at + 1) & _mask)
        {
            ref readonly Entry entry = ref _entries[at];
            if (entry.Key == key || entry.Rank == int.MaxValue)
            {
                return (entry.Rank, entry.Merged);
            }
        }
    }

    private static ulong KeyOf(int left, int right) => ((ulong)(uint)left << 32) | (uint)right;

    // Seeded per process, so that a file cannot be written to collide.
    private static readonly ulong Seed = (ulong)Random.Shared.NextInt64() | 1;

    private int SlotOf(ulong key)
    {
        key = (key ^ (key >> 29)) * 0x9E3779B97F4A7C15;
        return (int)(((key ^ (key >> 32)) * Seed) >> 33) & _mask;
    }

    private readonly record struct Entry(ulong Key, int Rank, int Merged);
}
