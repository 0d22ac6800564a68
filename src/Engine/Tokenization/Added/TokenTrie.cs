namespace KServePaged.Engine.Tokenization.Added;

/// <summary>Finds the longest of a set of byte strings that begins at a place.</summary>
internal sealed class TokenTrie
{
    private readonly bool[] _first = new bool[256];
    private readonly Dictionary<(int Node, byte Value), int> _edges = [];
    private readonly List<int> _tokens = [-1]; // by node

    public bool IsEmpty => _edges.Count == 0;

    public void Add(ReadOnlySpan<byte> spelling, int id)
    {
        if (spelling.IsEmpty)
        {
            return;
        }
        _first[spelling[0]] = true;
        int node = 0;
        foreach (byte value in spelling)
        {
            if (!_edges.TryGetValue((node, value), out int next))
            {
                next = _tokens.Count;
                _tokens.Add(-1);
                _edges.Add((node, value), next);
            }
            node = next;
        }
        _tokens[node] = id;
    }

    /// <summary>The leftmost match at <paramref name="from"/> or later, the longest of those that begin there.</summary>
    public bool TryFind(ReadOnlySpan<byte> text, int from, out int start, out int end, out int id)
    {
        for (start = from; start < text.Length; start++)
        {
            if (_first[text[start]] && TryMatch(text, start, out end, out id))
            {
                return true;
            }
        }
        end = 0;
        id = -1;
        return false;
    }

    private bool TryMatch(ReadOnlySpan<byte> text, int start, out int end, out int id)
    {
        (end, id) = (start, -1);
        int node = 0;
        for (int at = start; at < text.Length && _edges.TryGetValue((node, text[at]), out node); at++)
        {
            if (_tokens[node] >= 0)
            {
                (end, id) = (at + 1, _tokens[node]);
            }
        }
        return id >= 0;
    }
}
