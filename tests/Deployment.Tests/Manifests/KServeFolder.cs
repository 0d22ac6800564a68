using System.Text.Json.Nodes;
using KServePaged.TestSupport;

namespace KServePaged.Deployment.Tests.Manifests;

/// <summary>The YAML files of kserve/ that are applied as they lie there (the chart's templates are not).</summary>
internal static class KServeFolder
{
    public static string Path { get; } = System.IO.Path.Combine(Repository.Root, "kserve");

    /// <summary>Paths below kserve/, for theories.</summary>
    public static IEnumerable<string> Files(string below = "") => Directory
        .EnumerateFiles(System.IO.Path.Combine(Path, below), "*.yaml", SearchOption.AllDirectories)
        .Select(file => System.IO.Path.GetRelativePath(Path, file).Replace('\\', '/'))
        .Where(file => !file.StartsWith("chart/", StringComparison.Ordinal) && !IsForPrometheus(file) && System.IO.Path.GetFileName(file) != "kustomization.yaml")
        .Order(StringComparer.Ordinal);

    // Rules for Prometheus itself and their tests are no objects of a cluster.
    private static bool IsForPrometheus(string file) =>
        file.EndsWith(".rules.yaml", StringComparison.Ordinal) || file.StartsWith("alerts/tests/", StringComparison.Ordinal);

    public static string Text(string file) => File.ReadAllText(System.IO.Path.Combine(Path, file));

    public static List<JsonObject> Read(string file) => [.. YamlText.Documents(Text(file)).Cast<JsonObject>()];

    public static IEnumerable<(string File, JsonObject Manifest)> All(params string[] kinds) => Files()
        .SelectMany(file => Read(file).Select(manifest => (file, manifest)))
        .Where(found => kinds.Length == 0 || kinds.Contains(found.manifest.Kind()));
}
