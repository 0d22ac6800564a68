using System.Numerics;

namespace KServePaged.Engine.Tokenization.Models;

/// <summary>Collects the entries of a <see cref="Vocabulary"/>; ids may come in any order.</summary>
internal sealed class VocabularyBuilder(int expectedBytes)
{
    /// <summary>The arrays are dense by id; the largest published vocabularies have about 260 000 ids.</summary>
    public const int MaxIdLimit = 1 << 24;

    private byte[] _blob = new byte[Math.Max(64, expectedBytes)];
    private int _blobLength;
    private int[] _starts = [];
    private int[] _lengths = [];
    private int _idLimit;
    private int _count;

    /// <returns>False when the id is taken already.</returns>
    public bool TryAdd(ReadOnlySpan<byte> spelling, int id)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)id, (uint)MaxIdLimit, nameof(id));
        GrowTo(id + 1);
        if (_starts[id] >= 0)
        {
            return false;
        }
        if (_blobLength + spelling.Length > _blob.Length)
        {
            Array.Resize(ref _blob, checked(Math.Max(_blob.Length * 2, _blobLength + spelling.Length)));
        }
        spelling.CopyTo(_blob.AsSpan(_blobLength));
        _starts[id] = _blobLength;
        _lengths[id] = spelling.Length;
        _blobLength += spelling.Length;
        _count++;
        return true;
    }

    /// <summary>Makes the table; of entries that are spelled alike the last has the spelling.</summary>
    /// <param name="duplicate">An id whose spelling another id has too, or -1.</param>
    public Vocabulary Build(out int duplicate)
    {
        Array.Resize(ref _starts, _idLimit);
        Array.Resize(ref _lengths, _idLimit);
        var slots = new ulong[Math.Max(4, (int)BitOperations.RoundUpToPowerOf2((uint)(_count * 2L) | 1))];
        int mask = slots.Length - 1;
        duplicate = -1;
        for (int id = 0; id < _idLimit; id++)
        {
            if (_starts[id] < 0)
            {
                continue;
            }
            ReadOnlySpan<byte> spelling = Spelling(id);
            uint hash = Vocabulary.Hash(spelling);
            int at = (int)hash & mask;
            while (slots[at] != 0)
            {
                if ((uint)(slots[at] >> 32) == hash && Spelling((int)(uint)slots[at] - 1).SequenceEqual(spelling))
                {
                    duplicate = id;
                    break; // the later one takes the place
                }
                at = (at + 1) & mask;
            }
            slots[at] = ((ulong)hash << 32) | (uint)(id + 1);
        }
        return new Vocabulary(_blob, _starts, _lengths, slots, _count);
    }

    private ReadOnlySpan<byte> Spelling(int id) => _blob.AsSpan(_starts[id], _lengths[id]);

    private void GrowTo(int idLimit)
    {
        if (idLimit > _starts.Length)
        {
            int old = _starts.Length;
            int size = (int)Math.Min(MaxIdLimit, Math.Max(idLimit, Math.Max(1024L, 2L * old)));
            Array.Resize(ref _starts, size);
            Array.Resize(ref _lengths, size);
            _starts.AsSpan(old).Fill(-1);
        }
        _idLimit = Math.Max(_idLimit, idLimit);
    }
}
