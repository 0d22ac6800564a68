using System.Buffers;

namespace KServePaged.Engine.Tokenization.Models;

/// <summary>Merges that wait for their turn, by rank, then by place. Rented: dispose.</summary>
internal struct MergeHeap(int capacity) : IDisposable
{
    private const int Arity = 4;

    private Entry[] _entries = ArrayPool<Entry>.Shared.Rent(Math.Max(16, capacity));
    private int _count;

    /// <summary>Adds a merge at a place, unless the pair there does not merge.</summary>
    public void Offer((int Rank, int Merged) merge, int place)
    {
        if (merge.Rank == int.MaxValue)
        {
            return;
        }
        if (_count == _entries.Length)
        {
            Entry[] larger = ArrayPool<Entry>.Shared.Rent(_count * 2);
            _entries.AsSpan().CopyTo(larger);
            ArrayPool<Entry>.Shared.Return(_entries);
            _entries = larger;
        }
        var entry = new Entry(((long)merge.Rank << 32) | (uint)place, merge.Merged);
        int at = _count++;
        while (at > 0 && _entries[(at - 1) / Arity].Order > entry.Order)
        {
            _entries[at] = _entries[(at - 1) / Arity];
            at = (at - 1) / Arity;
        }
        _entries[at] = entry;
    }

    public bool TryTake(out int place, out int merged)
    {
        if (_count == 0)
        {
            place = merged = 0;
            return false;
        }
        place = (int)(uint)_entries[0].Order;
        merged = _entries[0].Merged;
        Entry last = _entries[--_count];
        int at = 0;
        for (int child = 1; child < _count; child = (at * Arity) + 1)
        {
            int end = Math.Min(child + Arity, _count);
            for (int other = child + 1; other < end; other++)
            {
                child = _entries[other].Order < _entries[child].Order ? other : child;
            }
            if (last.Order <= _entries[child].Order)
            {
                break;
            }
            _entries[at] = _entries[child];
            at = child;
        }
        _entries[at] = last;
        return true;
    }

    public void Dispose()
    {
        ArrayPool<Entry>.Shared.Return(_entries);
        _entries = [];
    }

    private readonly record struct Entry(long Order, int Merged);
}
