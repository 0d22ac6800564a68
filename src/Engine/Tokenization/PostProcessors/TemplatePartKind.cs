namespace KServePaged.Engine.Tokenization.PostProcessors;

/// <summary>What stands at a place of a template.</summary>
internal enum TemplatePartKind
{
    First,
    Second,
    Tokens,
}
