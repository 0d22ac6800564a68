using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Nodes;

/// <summary>What a value is assigned to.</summary>
internal abstract class Target(int line) : Node(line)
{
    public abstract void Assign(Frame frame, Value value);

    /// <summary>The same target, to be bound to other slots.</summary>
    public abstract Target Clone();

    /// <summary>The variables that the target sets.</summary>
    public IEnumerable<NameTarget> Names => this switch
    {
        NameTarget name => [name],
        TupleTarget tuple => tuple.Items.SelectMany(item => item.Names),
        _ => [],
    };
}

internal sealed class NameTarget(int line, string name) : Target(line)
{
    private int _slot;

    public string Name => name;

    public override IEnumerable<Node> Children => [];

    /// <summary>Only variables of the running function are ever assigned.</summary>
    public void Bind(int slot) => _slot = slot;

    public Value Read(Frame frame) => frame.Slots[_slot];

    public override void Assign(Frame frame, Value value) => frame.Slots[_slot] = value;

    public override Target Clone() => new NameTarget(Line, name);
}

internal sealed class TupleTarget(int line, Target[] items) : Target(line)
{
    public Target[] Items => items;

    public override IEnumerable<Node> Children => items;

    public override void Assign(Frame frame, Value value)
    {
        Value[] values = Iteration.Unpack(frame.State, value, items.Length);
        for (int i = 0; i < items.Length; i++)
        {
            items[i].Assign(frame, values[i]);
        }
    }

    public override Target Clone() => new TupleTarget(Line, Array.ConvertAll(items, item => item.Clone()));
}

/// <summary><c>owner.attribute</c>, where the owner is a namespace.</summary>
internal sealed class NamespaceTarget(int line, string owner, string attribute) : Target(line)
{
    public NameExpression Owner { get; } = new(line, owner);

    public override IEnumerable<Node> Children => [Owner];

    public override void Assign(Frame frame, Value value)
    {
        Value target = Owner.Evaluate(frame);
        if (target.Kind != ValueKind.Namespace)
        {
            throw new TemplateException("cannot assign attribute on non-namespace object");
        }
        ((NamespaceValue)target.AsObject).Attributes.Set(frame.State, attribute, value);
    }

    public override Target Clone() => new NamespaceTarget(Line, owner, attribute);
}
