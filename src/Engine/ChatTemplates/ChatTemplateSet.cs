namespace KServePaged.Engine.ChatTemplates;

/// <summary>The chat templates of a model and the special tokens they print.</summary>
/// <param name="Default">The template without a name, or the one named <c>default</c>; null where there is none.</param>
/// <param name="ToolUse">The one named <c>tool_use</c>, for requests with tools; null where there is none.</param>
/// <param name="SpecialTokens">Template variables such as <c>bos_token</c>, by name.</param>
internal sealed record ChatTemplateSet(ChatTemplate? Default, ChatTemplate? ToolUse, IReadOnlyDictionary<string, string> SpecialTokens)
{
    /// <returns>The template for a request, or null where the model has none.</returns>
    public ChatTemplate? For(bool withTools) => withTools ? ToolUse ?? Default : Default;
}
