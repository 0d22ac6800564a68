using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Nodes;

/// <summary>A variable that is read. The binder decides which slot the name stands for.</summary>
internal sealed class NameExpression(int line, string name) : Expression(line)
{
    private int _hops;
    private int _slot;

    public string Name => name;

    public override IEnumerable<Node> Children => [];

    public void Bind(int hops, int slot) => (_hops, _slot) = (hops, slot);

    public override Value Evaluate(Frame frame)
    {
        Value value = frame.Outer(_hops).Slots[_slot];
        return value.IsMissing ? UndefinedValue.Variable(name) : value;
    }
}
