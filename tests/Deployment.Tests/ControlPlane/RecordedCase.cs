using System.Text.Json.Nodes;
using KServePaged.Deployment.Tests.Manifests;
using KServePaged.TestSupport;

namespace KServePaged.Deployment.Tests.ControlPlane;

/// <summary>One recording: what was applied to real controllers, and what they made of it.</summary>
internal sealed class RecordedCase
{
    private RecordedCase(string name, List<(string Heading, JsonObject Object, bool? Restricted)> documents)
    {
        Name = name;
        Inputs = [.. documents.Where(document => document.Heading.Contains("# INPUT\n", StringComparison.Ordinal)).Select(document => document.Object)];
        Stored = [.. documents.Where(document => document.Heading.Contains("# STORED", StringComparison.Ordinal)).Select(document => document.Object)];
        Deployments = [.. documents.Where(document => document.Heading.Contains("# RESULT", StringComparison.Ordinal) && document.Object.Text("kind") == "Deployment").Select(document => document.Object)];
        (JsonObject Pod, bool? Restricted)[] pods = [.. documents
            .Where(document => document.Heading.Contains("# POD of", StringComparison.Ordinal) && document.Object.Text("kind") == "Pod").Select(document => (document.Object, document.Restricted))];
        Pods = [.. pods.Select(pod => pod.Pod)];
        Judged = [.. pods.Where(pod => pod.Restricted is not null).Select(pod => (pod.Pod, pod.Restricted!.Value))];
    }

    public string Name { get; }

    public IReadOnlyList<JsonObject> Inputs { get; }

    public IReadOnlyList<JsonObject> Stored { get; }

    public IReadOnlyList<JsonObject> Deployments { get; }

    public IReadOnlyList<JsonObject> Pods { get; }

    /// <summary>The pods of which the admission said whether they pass the Pod Security level restricted.</summary>
    public IReadOnlyList<(JsonObject Pod, bool Passes)> Judged { get; }

    public JsonObject Single(string kind) => Inputs.Single(input => input.Kind() == kind);

    public static RecordedCase Read(string path)
    {
        string text = File.ReadAllText(path);
        // A chunk begins with comments, the last of which says what the document is.
        IEnumerable<(string, JsonObject, bool?)> documents = text.Split("\n---\n").Skip(1)
            .Select(chunk => (Heading: Heading(chunk), Documents: YamlText.Documents(chunk), Restricted: Verdict(chunk)))
            .Where(chunk => chunk.Documents.Count == 1 && chunk.Documents[0] is JsonObject)
            .Select(chunk => (chunk.Heading, (JsonObject)chunk.Documents[0], chunk.Restricted));
        return new RecordedCase(Path.GetFileNameWithoutExtension(path), [.. documents]);
    }

    public static IReadOnlyList<RecordedCase> All { get; } = SharedData.Has("kserve-observed")
        ? [.. Directory.EnumerateFiles(SharedData.PathOf("kserve-observed"), "*.yaml").Order(StringComparer.Ordinal).Select(Read)]
        : [];

    // A pod may be refused for other reasons too, such as a missing service account.
    /// <summary>Rows of a theory over recordings; where there are none one row, whose test skips.</summary>
    public static IEnumerable<string> Rows(IEnumerable<RecordedCase> recordings) => recordings.Select(found => found.Name).DefaultIfEmpty("(no reference data)");

    /// <summary>Skips the calling test where the recordings are absent.</summary>
    public static RecordedCase Named(string name)
    {
        SharedData.PathOf("kserve-observed");
        return All.Single(found => found.Name == name);
    }

    private static bool? Verdict(string chunk) => chunk.Contains("# POD SECURITY restricted: accepted", StringComparison.Ordinal) ? true
        : chunk.Contains("violates PodSecurity \"restricted:latest\"", StringComparison.Ordinal) ? false
        : null;

    private static string Heading(string chunk) => string.Join('\n', chunk.TrimStart('\n').Split('\n').TakeWhile(line => line.StartsWith('#'))) + "\n";
}
