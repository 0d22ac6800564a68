using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Nodes;

/// <summary><c>input|name(…)</c> or <c>input is name(…)</c>.</summary>
internal sealed class FilterExpression(int line, bool isTest, Expression input, string name, ArgumentList arguments) : Expression(line)
{
    private Operation? _operation;

    public string Name => name;

    public bool IsTest => isTest;

    public override IEnumerable<Node> Children => [input, .. arguments.Children];

    public void Bind(Operation operation) => _operation = operation;

    public override Value Evaluate(Frame frame)
    {
        frame.State.Budget.Step();
        Value value = input.Evaluate(frame);
        return _operation!(frame.State, value, arguments.Evaluate(frame)); // bound after parsing
    }
}

/// <summary>What a filter applies to when it has no input of its own: the text that its tag's body printed.</summary>
internal sealed class CapturedExpression(int line) : Expression(line)
{
    public override IEnumerable<Node> Children => [];

    public override Value Evaluate(Frame frame) => frame.State.Captured;
}
