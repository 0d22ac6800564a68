namespace KServePaged.Deployment.Tests.Templates;

/// <summary>What a template consists of.</summary>
internal abstract record TemplateNode
{
    internal sealed record Text(string Value) : TemplateNode;

    internal sealed record Output(Expression Pipeline) : TemplateNode;

    internal sealed record Assign(string Variable, bool Declares, Expression Pipeline) : TemplateNode;

    internal sealed record If(Expression Condition, List<TemplateNode> Then, List<TemplateNode> Else) : TemplateNode;

    internal sealed record With(Expression Value, List<TemplateNode> Then, List<TemplateNode> Else) : TemplateNode;

    internal sealed record Range(string? Key, string? Item, Expression Items, List<TemplateNode> Body, List<TemplateNode> Else) : TemplateNode;

    internal sealed record Define(string Name, List<TemplateNode> Body) : TemplateNode;
}
