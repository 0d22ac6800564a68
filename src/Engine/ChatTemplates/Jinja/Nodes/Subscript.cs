using KServePaged.Engine.ChatTemplates.Jinja.Library;
using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Nodes;

/// <summary><c>owner.name</c>.</summary>
internal sealed class AttributeExpression(int line, Expression owner, string name) : Expression(line)
{
    // Nearly every method called in a template is a string's or a dict's.
    private readonly Operation? _stringMethod = Methods.Find(ValueKind.String, name);
    private readonly Operation? _dictMethod = Methods.Find(ValueKind.Dict, name);

    public override IEnumerable<Node> Children => [owner];

    public override Value Evaluate(Frame frame) => Subscripts.Attribute(frame.State, owner.Evaluate(frame), name);

    /// <summary>The method call <c>owner.name(…)</c>, without making the bound method in between.</summary>
    public Value Call(Frame frame, ArgumentList arguments)
    {
        Value self = owner.Evaluate(frame);
        Operation? method = self.Kind switch
        {
            ValueKind.String => _stringMethod,
            ValueKind.Dict => _dictMethod,
            _ => null,
        };
        if (method is null)
        {
            return Operations.Call(frame.State, Subscripts.Attribute(frame.State, self, name), arguments.Evaluate(frame));
        }
        frame.State.Budget.Step();
        return method(frame.State, self, arguments.Evaluate(frame));
    }
}

/// <summary><c>owner[key]</c>.</summary>
internal sealed class ItemExpression(int line, Expression owner, Expression key) : Expression(line)
{
    public override IEnumerable<Node> Children => [owner, key];

    public override Value Evaluate(Frame frame) =>
        Subscripts.Item(frame.State, owner.Evaluate(frame), key.Evaluate(frame));
}

/// <summary><c>owner[start:stop:step]</c>.</summary>
internal sealed class SliceExpression(int line, Expression owner, Expression? start, Expression? stop, Expression? step) : Expression(line)
{
    public override IEnumerable<Node> Children => new Node?[] { owner, start, stop, step }.OfType<Node>();

    public override Value Evaluate(Frame frame) => Subscripts.Slice(
        frame.State,
        owner.Evaluate(frame),
        start?.Evaluate(frame) ?? default,
        stop?.Evaluate(frame) ?? default,
        step?.Evaluate(frame) ?? default);
}
