using System.Text.Json.Nodes;
using KServePaged.Deployment.Tests.Manifests;
using KServePaged.TestSupport;

namespace KServePaged.Deployment.Tests.ControlPlane;

/// <summary>One recording: what was applied to real controllers, and what they made of it.</summary>
internal sealed class RecordedCase
{
    private RecordedCase(string name, string title, List<(string Heading, JsonObject Object)> documents)
    {
        (Name, Title) = (name, title);
        Inputs = [.. documents.Where(document => document.Heading.Contains("# INPUT\n", StringComparison.Ordinal)).Select(document => document.Object)];
        Stored = [.. documents.Where(document => document.Heading.Contains("# STORED", StringComparison.Ordinal)).Select(document => document.Object)];
        Deployments = [.. documents.Where(document => document.Heading.Contains("# RESULT", StringComparison.Ordinal) && document.Object.Text("kind") == "Deployment").Select(document => document.Object)];
        Pods = [.. documents.Where(document => document.Heading.Contains("# POD of", StringComparison.Ordinal) && document.Object.Text("kind") == "Pod").Select(document => document.Object)];
    }

    public string Name { get; }

    public string Title { get; }

    public IReadOnlyList<JsonObject> Inputs { get; }

    public IReadOnlyList<JsonObject> Stored { get; }

    public IReadOnlyList<JsonObject> Deployments { get; }

    public IReadOnlyList<JsonObject> Pods { get; }

    public JsonObject Single(string kind) => Inputs.Single(input => input.Kind() == kind);

    public static RecordedCase Read(string path)
    {
        string text = File.ReadAllText(path);
        // A chunk begins with comments, the last of which says what the document is.
        IEnumerable<(string, JsonObject)> documents = text.Split("\n---\n").Skip(1)
            .Select(chunk => (Heading: Heading(chunk), Documents: YamlText.Documents(chunk)))
            .Where(chunk => chunk.Documents.Count == 1 && chunk.Documents[0] is JsonObject)
            .Select(chunk => (chunk.Heading, (JsonObject)chunk.Documents[0]));
        return new RecordedCase(Path.GetFileNameWithoutExtension(path), text[2..text.IndexOf('\n', StringComparison.Ordinal)], [.. documents]);
    }

    public static IReadOnlyList<RecordedCase> All { get; } = SharedData.IsPresent
        ? [.. Directory.EnumerateFiles(SharedData.PathOf("kserve-observed"), "*.yaml").Order(StringComparer.Ordinal).Select(Read)]
        : [];

    private static string Heading(string chunk) => string.Join('\n', chunk.TrimStart('\n').Split('\n').TakeWhile(line => line.StartsWith('#'))) + "\n";
}
