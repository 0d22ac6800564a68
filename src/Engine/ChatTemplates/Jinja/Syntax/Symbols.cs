using KServePaged.Engine.ChatTemplates.Jinja.Nodes;

namespace KServePaged.Engine.ChatTemplates.Jinja.Syntax;

/// <summary>
/// What the names of one scope stand for. Jinja decides this when it compiles, and the decision shows: a name that a scope assigns
/// anywhere is that scope's own variable from its beginning, copied from outside if there is one outside; any other name is looked up
/// once, when the scope is entered.
/// </summary>
internal sealed class Symbols
{
    private readonly Dictionary<string, Variable> _names = [];
    private readonly OrderedDictionary<Variable, Origin> _origins = [];
    private readonly HashSet<string> _stores = [];
    private readonly Symbols? _parent;
    private readonly Symbols? _trunk; // of a branch: the same scope as it was before the if
    private readonly FunctionScope _function;
    private readonly int _level;

    public Symbols(Symbols? parent, FunctionScope function)
    {
        _parent = parent;
        _function = function;
        _level = parent is null ? 0 : parent._level + 1;
    }

    private Symbols(Symbols trunk) =>
        (_trunk, _parent, _function, _level) = (trunk, trunk._parent, trunk._function, trunk._level);

    internal readonly record struct Variable(FunctionScope Function, int Slot);

    private readonly record struct Origin(Prologue.LoadKind Kind, string Name, Variable Source);

    public Variable? Find(string name) => FindOwn(name) ?? _parent?.Find(name);

    /// <summary>A name is read.</summary>
    public void Load(string name)
    {
        if (Find(name) is null)
        {
            Define(name, Prologue.LoadKind.Resolve);
        }
    }

    /// <summary>A name is assigned.</summary>
    public void Store(string name)
    {
        _stores.Add(name);
        if (FindOwn(name) is not null)
        {
            return;
        }
        if (_parent?.Find(name) is Variable outer)
        {
            Define(name, Prologue.LoadKind.Alias, outer);
        }
        else
        {
            Define(name, Prologue.LoadKind.Undefined);
        }
    }

    /// <summary>A name that who enters the scope assigns.</summary>
    public int DeclareParameter(string name)
    {
        _stores.Add(name);
        return Define(name, Prologue.LoadKind.Parameter);
    }

    /// <summary>The scope as one branch of an <c>if</c> changes it.</summary>
    public Symbols Branch() => new(this);

    /// <summary>Takes over what the branches of an <c>if</c> did: a name that not all of them assign may still be the outer one.</summary>
    public void Merge(Symbols[] branches)
    {
        Dictionary<string, int> counts = [];
        foreach (string name in branches.SelectMany(branch => branch._stores).Where(name => !Stores(name)))
        {
            counts[name] = counts.GetValueOrDefault(name) + 1;
        }
        foreach (Symbols branch in branches)
        {
            foreach ((string name, Variable variable) in branch._names)
            {
                _names[name] = variable;
            }
            foreach ((Variable variable, Origin origin) in branch._origins)
            {
                _origins[variable] = origin;
            }
            _stores.UnionWith(branch._stores);
        }
        foreach (string name in counts.Where(entry => entry.Value != branches.Length).Select(entry => entry.Key))
        {
            _origins[FindOwn(name)!.Value] = _parent?.Find(name) is Variable outer
                ? new Origin(Prologue.LoadKind.Alias, name, outer)
                : new Origin(Prologue.LoadKind.Resolve, name, default);
        }
    }

    public Prologue ToPrologue() => new(
    [
        .. from entry in _origins
           where entry.Value.Kind != Prologue.LoadKind.Parameter
           let source = entry.Value.Source
           select new Prologue.Load(
               entry.Value.Kind,
               entry.Value.Name,
               entry.Key.Slot,
               source.Function is null ? 0 : _function.HopsTo(source.Function),
               source.Slot),
    ]);

    private Variable? FindOwn(string name) =>
        _names.TryGetValue(name, out Variable variable) ? variable : _trunk?.FindOwn(name);

    private bool Stores(string name) => _stores.Contains(name) || _trunk?.Stores(name) == true;

    private int Define(string name, Prologue.LoadKind kind, Variable source = default)
    {
        var variable = new Variable(_function, _function.Slot(_level, name));
        _names[name] = variable;
        _origins[variable] = new Origin(kind, name, source);
        return variable.Slot;
    }
}
