namespace KServePaged.Engine.ChatTemplates.Jinja.Syntax;

/// <summary>Makes the one exception for broken templates: it names file and line.</summary>
internal static class SourceError
{
    public static InvalidDataException At(string fileName, int line, string message) =>
        new($"{fileName}, line {line}: {message}");
}
