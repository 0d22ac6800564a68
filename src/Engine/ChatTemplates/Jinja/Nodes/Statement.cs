namespace KServePaged.Engine.ChatTemplates.Jinja.Nodes;

/// <summary>A part that does something: text, a print or a tag.</summary>
internal abstract class Statement(int line) : Node(line)
{
    public abstract Flow Execute(Frame frame);

    public static Flow ExecuteAll(Statement[] body, Frame frame)
    {
        foreach (Statement statement in body)
        {
            Flow flow = statement.Execute(frame);
            if (flow != Flow.Next)
            {
                return flow;
            }
        }
        return Flow.Next;
    }
}

/// <summary>Where to go on after a statement.</summary>
internal enum Flow : byte
{
    Next,
    Continue,
    Break,
}
