namespace KServePaged.Engine.ChatTemplates.Jinja;

/// <summary>A rendering that failed: the template refused its input, used a value wrongly, or reached a limit.</summary>
internal sealed class TemplateException(string message, bool raised = false) : Exception(message)
{
    /// <summary>The template itself called <c>raise_exception</c>; the message is its own.</summary>
    public bool Raised { get; } = raised;
}
