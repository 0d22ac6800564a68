namespace KServePaged.Engine.ChatTemplates.Jinja.Nodes;

/// <summary>A part of a parsed template. Written by parser and binder, then only read: any number of renderings share it.</summary>
internal abstract class Node(int line)
{
    public int Line { get; } = line;

    /// <summary>The parts in the order in which Jinja looks at them when it resolves names.</summary>
    public abstract IEnumerable<Node> Children { get; }
}
