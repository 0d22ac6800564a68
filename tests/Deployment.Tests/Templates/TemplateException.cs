namespace KServePaged.Deployment.Tests.Templates;

/// <summary>A template that Go would not parse or not execute.</summary>
internal sealed class TemplateException(string message) : Exception(message);
