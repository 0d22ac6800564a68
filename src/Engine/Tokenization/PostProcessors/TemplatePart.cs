namespace KServePaged.Engine.Tokenization.PostProcessors;

/// <summary>One place in a template.</summary>
/// <param name="Kind">What stands there.</param>
/// <param name="Ids">The tokens, where it is tokens.</param>
internal sealed record TemplatePart(TemplatePartKind Kind, int[] Ids)
{
    public static TemplatePart First { get; } = new(TemplatePartKind.First, []);

    public static TemplatePart Second { get; } = new(TemplatePartKind.Second, []);

    public static TemplatePart Tokens(params int[] ids) => new(TemplatePartKind.Tokens, ids);
}
