namespace KServePaged.Engine.ChatTemplates.Jinja.Nodes;

/// <summary>The slots that one function of a template needs; grows while the template is bound.</summary>
internal sealed class FunctionScope(FunctionScope? parent)
{
    public static readonly FunctionScope None = new(null);

    private readonly Dictionary<(int Level, string Name), int> _slots = [];

    public int SlotCount => _slots.Count;

    /// <summary>The slot of a name at a level of nesting; scopes beside one another share it, as they are never entered at once.</summary>
    public int Slot(int level, string name)
    {
        if (!_slots.TryGetValue((level, name), out int slot))
        {
            slot = _slots.Count;
            _slots.Add((level, name), slot);
        }
        return slot;
    }

    /// <summary>How many functions further out <paramref name="other"/> is.</summary>
    public int HopsTo(FunctionScope other)
    {
        int hops = 0;
        for (FunctionScope scope = this; scope != other; scope = scope.Parent!) // a name is only ever found in an enclosing function
        {
            hops++;
        }
        return hops;
    }

    private FunctionScope? Parent => parent;
}
