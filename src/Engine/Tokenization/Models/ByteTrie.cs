using System.Numerics;

namespace KServePaged.Engine.Tokenization.Models;

/// <summary>All prefixes of a set of byte strings, its edges in one open-addressed table.</summary>
internal sealed class ByteTrie
{
    private const int NoEdge = 0; // no edge leads to the root

    private long[] _keys = new long[1024];
    private int[] _targets = new int[1024];
    private readonly List<int> _values = [-1]; // by node
    private int _edgeCount;

    /// <summary>Adds a string; a later value replaces an earlier one.</summary>
    public void Add(ReadOnlySpan<byte> key, int value)
    {
        int node = 0;
        foreach (byte step in key)
        {
            int next = Step(node, step);
            if (next < 0)
            {
                next = _values.Count;
                _values.Add(-1);
                AddEdge(node, step, next);
            }
            node = next;
        }
        _values[node] = value;
    }

    /// <returns>The node behind an edge, or -1. The root is 0.</returns>
    public int Step(int node, byte step)
    {
        long key = KeyOf(node, step);
        for (int at = SlotOf(key); _targets[at] != NoEdge; at = (at + 1) & (_keys.Length - 1))
        {
            if (_keys[at] == key)
            {
                return _targets[at];
            }
        }
        return -1;
    }

    /// <returns>The value of the string that ends at a node, or -1.</returns>
    public int ValueAt(int node) => _values[node];

    private void AddEdge(int node, byte step, int target)
    {
        if (2 * ++_edgeCount > _keys.Length)
        {
            (long[] keys, int[] targets) = (_keys, _targets);
            _keys = new long[keys.Length * 2];
            _targets = new int[keys.Length * 2];
            for (int i = 0; i < keys.Length; i++)
            {
                if (targets[i] != NoEdge)
                {
                    Place(keys[i], targets[i]);
                }
            }
        }
        Place(KeyOf(node, step), target);
    }

    private void Place(long key, int target)
    {
        int at = SlotOf(key);
        while (_targets[at] != NoEdge)
        {
            at = (at + 1) & (_keys.Length - 1);
        }
        (_keys[at], _targets[at]) = (key, target);
    }

    private static long KeyOf(int node, byte step) => ((long)node << 8) | step;

    private int SlotOf(long key) => (int)(((ulong)key * 0x9E3779B97F4A7C15) >> (64 - BitOperations.Log2((uint)_keys.Length)));
}
