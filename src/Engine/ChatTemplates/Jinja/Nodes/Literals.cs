using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Nodes;

internal sealed class ConstantExpression(int line, Value value) : Expression(line)
{
    public Value Value { get; } = value;

    public override IEnumerable<Node> Children => [];

    public override Value Evaluate(Frame frame) => Value;
}

internal sealed class ListExpression(int line, Expression[] items) : Expression(line)
{
    public override IEnumerable<Node> Children => items;

    public override Value Evaluate(Frame frame)
    {
        frame.State.Budget.AllocateItems(items.Length);
        var values = new List<Value>(items.Length);
        foreach (Expression item in items)
        {
            values.Add(item.Evaluate(frame));
        }
        return Value.Of(new ListValue(values));
    }
}

internal sealed class TupleExpression(int line, Expression[] items) : Expression(line)
{
    public Expression[] Items => items;

    public override IEnumerable<Node> Children => items;

    public override Value Evaluate(Frame frame)
    {
        frame.State.Budget.AllocateItems(items.Length);
        var values = new Value[items.Length];
        for (int i = 0; i < items.Length; i++)
        {
            values[i] = items[i].Evaluate(frame);
        }
        return Value.Of(new TupleValue(values));
    }
}

internal sealed class DictExpression(int line, KeyValuePair<Expression, Expression>[] entries) : Expression(line)
{
    public override IEnumerable<Node> Children => entries.SelectMany(entry => new[] { entry.Key, entry.Value });

    public override Value Evaluate(Frame frame)
    {
        var dict = new DictValue(entries.Length);
        foreach ((Expression key, Expression value) in entries)
        {
            dict.Set(frame.State, key.Evaluate(frame), value.Evaluate(frame));
        }
        return Value.Of(dict);
    }
}
