using System.Numerics;
using System.Runtime.InteropServices;

namespace KServePaged.Engine.Tokenization.Models;

/// <summary>
/// Spellings (UTF-8) ↔ ids without an object per token: one blob, two arrays by id and an open-addressed table. Loading 128k entries
/// costs a few milliseconds this way; a Dictionary of strings costs ten times that and the garbage.
/// </summary>
internal sealed class Vocabulary
{
    private readonly byte[] _blob;
    private readonly int[] _starts;    // by id; -1: no such id
    private readonly int[] _lengths;
    private readonly ulong[] _slots;   // hash in the upper half, id + 1 in the lower; 0: free

    internal Vocabulary(byte[] blob, int[] starts, int[] lengths, ulong[] slots, int count)
    {
        _blob = blob;
        _starts = starts;
        _lengths = lengths;
        _slots = slots;
        Count = count;
    }

    /// <summary>Entries.</summary>
    public int Count { get; }

    /// <summary>One more than the largest id.</summary>
    public int IdLimit => _starts.Length;

    public bool Contains(int id) => (uint)id < (uint)_starts.Length && _starts[id] >= 0;

    /// <returns>The spelling, or an empty span for an unknown id.</returns>
    public ReadOnlySpan<byte> SpellingOf(int id) => Contains(id) ? _blob.AsSpan(_starts[id], _lengths[id]) : default;

    /// <returns>The id, or -1.</returns>
    public int IdOf(ReadOnlySpan<byte> spelling)
    {
        uint hash = Hash(spelling);
        int mask = _slots.Length - 1;
        for (int at = (int)hash & mask; ; at = (at + 1) & mask)
        {
            ulong slot = _slots[at];
            if (slot == 0)
            {
                return -1;
            }
            int id = (int)(uint)slot - 1;
            if ((uint)(slot >> 32) == hash && SpellingOf(id).SequenceEqual(spelling))
            {
                return id;
            }
        }
    }

    // Seeded per process, so that a file cannot be written to collide.
    private static readonly ulong Seed = (ulong)Random.Shared.NextInt64() | 1;

    internal static uint Hash(ReadOnlySpan<byte> bytes)
    {
        const ulong Multiplier = 0x9E3779B97F4A7C15;
        ulong hash = Seed ^ ((ulong)bytes.Length * Multiplier);
        while (bytes.Length >= 8)
        {
            hash = Mix(hash ^ MemoryMarshal.Read<ulong>(bytes));
            bytes = bytes[8..];
        }
        ulong tail = 0;
        for (int i = 0; i < bytes.Length; i++)
        {
            tail |= (ulong)bytes[i] << (8 * i);
        }
        hash = Mix(hash ^ tail);
        return (uint)(hash >> 32);

        static ulong Mix(ulong value) => Math.BigMul(value, Multiplier, out ulong low) ^ BitOperations.RotateLeft(low, 29);
    }
}
