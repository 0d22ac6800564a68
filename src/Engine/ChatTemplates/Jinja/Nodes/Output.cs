namespace KServePaged.Engine.ChatTemplates.Jinja.Nodes;

/// <summary>Text between tags.</summary>
internal sealed class TextStatement(int line, string text) : Statement(line)
{
    public string Text => text;

    public override IEnumerable<Node> Children => [];

    public override Flow Execute(Frame frame)
    {
        frame.State.Budget.Step();
        frame.State.Write(text);
        return Flow.Next;
    }
}

/// <summary><c>{{ … }}</c>.</summary>
internal sealed class PrintStatement(int line, Expression expression) : Statement(line)
{
    public override IEnumerable<Node> Children => [expression];

    public override Flow Execute(Frame frame)
    {
        frame.State.At(Line);
        frame.State.Write(expression.Evaluate(frame));
        return Flow.Next;
    }
}
