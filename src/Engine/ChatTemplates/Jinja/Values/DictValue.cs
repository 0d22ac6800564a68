namespace KServePaged.Engine.ChatTemplates.Jinja.Values;

/// <summary>
/// A Python dict: insertion order, keys of any hashable type. Messages have a handful of string keys, which a scan finds faster than a
/// hash; an index is made when a dict grows beyond that.
/// </summary>
internal sealed class DictValue : ValueObject
{
    private const int ScannedCount = 8;

    private readonly List<KeyValuePair<Value, Value>> _entries;
    private Dictionary<Value, int>? _index;

    public DictValue(int capacity = 4)
        : base(ValueKind.Dict, "dict") => _entries = new List<KeyValuePair<Value, Value>>(capacity);

    public int Count => _entries.Count;

    public IReadOnlyList<KeyValuePair<Value, Value>> Entries => _entries;

    public Value this[int index] => _entries[index].Value;

    public Value KeyAt(int index) => _entries[index].Key;

    public override long? Length(RenderState state) => Count;

    public override bool Truth(RenderState state) => Count > 0;

    public override IEnumerator<Value> Iterate(RenderState state)
    {
        for (int i = 0; i < _entries.Count; i++)
        {
            yield return _entries[i].Key;
        }
    }

    public bool TryGet(RenderState state, string key, out Value value) => TryGet(state, Value.Of(key), out value);

    /// <exception cref="TemplateException">The key is not hashable.</exception>
    public bool TryGet(RenderState state, Value key, out Value value)
    {
        int at = Find(state, key);
        value = at < 0 ? default : _entries[at].Value;
        return at >= 0;
    }

    /// <summary>Adds or replaces; a replaced entry keeps its place and its first key.</summary>
    /// <exception cref="TemplateException">The key is not hashable.</exception>
    public void Set(RenderState state, Value key, Value value)
    {
        int at = Find(state, key);
        if (at >= 0)
        {
            _entries[at] = new(_entries[at].Key, value);
            return;
        }
        state.Budget.Allocate(16);
        _index?.Add(key, _entries.Count);
        _entries.Add(new(key, value));
    }

    public void Set(RenderState state, string key, Value value) => Set(state, Value.Of(key), value);

    public DictValue Copy(RenderState state)
    {
        var copy = new DictValue(Count);
        foreach ((Value key, Value value) in _entries)
        {
            copy.Set(state, key, value);
        }
        return copy;
    }

    public override void Represent(Formatting.Printer printer)
    {
        printer.Append("{");
        for (int i = 0; i < _entries.Count; i++)
        {
            if (i > 0)
            {
                printer.Append(", ");
            }
            printer.Represent(_entries[i].Key);
            printer.Append(": ");
            printer.Represent(_entries[i].Value);
        }
        printer.Append("}");
    }

    private int Find(RenderState state, Value key)
    {
        if (_entries.Count > ScannedCount)
        {
            return (_index ??= BuildIndex(state)).GetValueOrDefault(key, -1);
        }
        if (key.IsString)
        {
            return FindString(key.AsString);
        }
        state.Equality.GetHashCode(key); // refuses what is not hashable, as Python does even for an empty dict
        for (int i = 0; i < _entries.Count; i++)
        {
            if (state.Equality.Equals(_entries[i].Key, key))
            {
                return i;
            }
        }
        return -1;
    }

    private int FindString(string key)
    {
        for (int i = 0; i < _entries.Count; i++)
        {
            if (_entries[i].Key.IsString && _entries[i].Key.AsString == key)
            {
                return i;
            }
        }
        return -1;
    }

    private Dictionary<Value, int> BuildIndex(RenderState state)
    {
        var index = new Dictionary<Value, int>(_entries.Count * 2, state.Equality);
        for (int i = 0; i < _entries.Count; i++)
        {
            index.Add(_entries[i].Key, i);
        }
        return index;
    }
}
