namespace KServePaged.Engine.ChatTemplates.Jinja.Nodes;

/// <summary><c>{% break %}</c> and <c>{% continue %}</c>.</summary>
internal sealed class JumpStatement(int line, Flow flow) : Statement(line)
{
    public override IEnumerable<Node> Children => [];

    public override Flow Execute(Frame frame) => flow;
}
