using System.Text.Json;
using System.Text.Json.Nodes;
using Json.Schema;
using KServePaged.Deployment.Tests.Manifests;
using KServePaged.Deployment.Tests.Templates;

namespace KServePaged.Deployment.Tests.Charts;

/// <summary>
/// The chart as helm template would render it. No helm is to be had where these tests run, so the renderer is <see cref="GoTemplate"/>, which knows what the chart
/// uses and throws on the rest; it was compared once with Go's own text/template and the function library that Helm builds on.
/// </summary>
internal static class Chart
{
    private static readonly string Folder = Path.Combine(KServeFolder.Path, "chart");

    private static readonly Lazy<JsonSchema> Schema = new(() => JsonSchema.FromText(File.ReadAllText(Path.Combine(Folder, "values.schema.json"))));

    public static JsonObject Values => YamlText.Single(File.ReadAllText(Path.Combine(Folder, "values.yaml")));

    public static string Readme => File.ReadAllText(Path.Combine(Folder, "README.md"));

    public static JsonObject ValuesSchema => (JsonObject)JsonNode.Parse(File.ReadAllText(Path.Combine(Folder, "values.schema.json")))!;

    public static IEnumerable<string> Profiles => Directory.EnumerateFiles(Path.Combine(Folder, "profiles"), "*.yaml").Select(file => Path.GetFileNameWithoutExtension(file)).Order();

    public static JsonObject Profile(string name) => YamlText.Single(File.ReadAllText(Path.Combine(Folder, "profiles", name + ".yaml")));

    /// <returns>What values.schema.json says against the values, laid over the chart's own.</returns>
    public static IReadOnlyList<string> Mistakes(JsonObject values)
    {
        EvaluationResults results = Schema.Value.Evaluate(JsonSerializer.SerializeToElement(Merge(Values, values)), new EvaluationOptions { OutputFormat = OutputFormat.List });
        return [.. (results.Details ?? []).Where(_ => !results.IsValid)
            .SelectMany(detail => (detail.Errors ?? new Dictionary<string, string>()).Select(error => $"{detail.InstanceLocation}: {error.Value}"))];
    }

    /// <returns>The objects, in the order of the files.</returns>
    /// <exception cref="InvalidDataException">The values break the schema, as Helm would say before it renders.</exception>
    public static List<JsonObject> Render(JsonObject values, string release = "chat", string @namespace = "models")
    {
        if (Mistakes(values) is { Count: > 0 } mistakes)
        {
            throw new InvalidDataException(string.Join('\n', mistakes));
        }
        JsonObject about = YamlText.Single(File.ReadAllText(Path.Combine(Folder, "Chart.yaml")));
        var data = new JsonObject
        {
            [nameof(Values)] = Merge(Values, values),
            ["Release"] = new JsonObject { ["Name"] = release, ["Namespace"] = @namespace, ["Service"] = "Helm" },
            ["Chart"] = new JsonObject { ["Name"] = about["name"]!.DeepClone(), ["Version"] = about["version"]!.DeepClone(), ["AppVersion"] = about["appVersion"]!.DeepClone() },
        };
        var template = new GoTemplate(HelmFunctions.All);
        template.Define(File.ReadAllText(Path.Combine(Folder, "templates", "_helpers.tpl")));
        return [.. Directory.EnumerateFiles(Path.Combine(Folder, "templates"), "*.yaml").Order()
            .SelectMany(file => YamlText.Documents(template.Render(File.ReadAllText(file), data))).Cast<JsonObject>()];
    }

    /// <summary>Values over values, as Helm lays them: maps are merged, all else is replaced, and null takes a key's default away.</summary>
    private static JsonObject Merge(JsonObject under, JsonObject over)
    {
        var merged = (JsonObject)under.DeepClone();
        foreach ((string key, JsonNode? value) in over)
        {
            merged[key] = value is JsonObject map && merged[key] is JsonObject existing ? Merge(existing, map) : value?.DeepClone();
        }
        return merged;
    }
}
