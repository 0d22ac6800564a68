using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Nodes;

/// <summary><c>{% if %}</c> with its <c>elif</c> and <c>else</c> branches.</summary>
internal sealed class IfStatement(int line, Expression test, Statement[] body, IfStatement[] elseIfs, Statement[] otherwise) : Statement(line)
{
    public Expression Test => test;

    public Statement[] Body => body;

    /// <summary>The <c>elif</c> branches; they have no branches of their own.</summary>
    public IfStatement[] ElseIfs => elseIfs;

    public Statement[] Otherwise => otherwise;

    public override IEnumerable<Node> Children => [test, .. body, .. elseIfs, .. otherwise];

    public override Flow Execute(Frame frame)
    {
        if (Holds(frame))
        {
            return ExecuteAll(body, frame);
        }
        foreach (IfStatement branch in elseIfs)
        {
            if (branch.Holds(frame))
            {
                return ExecuteAll(branch.Body, frame);
            }
        }
        return ExecuteAll(otherwise, frame);
    }

    private bool Holds(Frame frame)
    {
        frame.State.At(Line);
        return Operations.Truth(frame.State, test.Evaluate(frame));
    }
}
