using KServePaged.Engine.ChatTemplates.Jinja.Values;

namespace KServePaged.Engine.ChatTemplates.Jinja.Nodes;

/// <summary>A part that has a value.</summary>
internal abstract class Expression(int line) : Node(line)
{
    /// <summary>How deeply the expression nests, counted from its leaves; the parser bounds it, as evaluation recurses.</summary>
    public int Depth { get; set; } = 1;

    /// <exception cref="TemplateException">The expression fails.</exception>
    public abstract Value Evaluate(Frame frame);
}
