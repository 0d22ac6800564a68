using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using KServePaged.Deployment.Tests.Charts;
using KServePaged.Deployment.Tests.Manifests;
using KServePaged.Predictor.Configuration;

namespace KServePaged.Deployment.Tests;

/// <summary>The table of values in the chart's README is what values.yaml, the schema, the templates and the server's command line say.</summary>
public sealed partial class ChartTableTests
{
    private static readonly Dictionary<string, (string Default, string Becomes)> Table = Row().Matches(Chart.Readme)
        .ToDictionary(row => row.Groups[1].Value, row => (row.Groups[2].Value, row.Groups[3].Value));

    public static TheoryData<string> Fields => [.. Table.Where(row => Field().IsMatch(row.Value.Becomes)).Select(row => row.Key)];

    public static TheoryData<string> Options => [.. Table.Keys.Where(value => value.StartsWith("inferenceService.options.", StringComparison.Ordinal))];

    [Fact]
    public void Table_HasEveryValueWithItsDefault()
    {
        JsonObject values = Chart.Values;
        Dictionary<string, string> written = Leaves(values, "").ToDictionary(leaf => leaf.Path, leaf => leaf.Value is JsonObject { Count: > 0 } ? "see values.yaml" : $"`{leaf.Value?.ToJsonString() ?? "null"}`");

        Assert.Equal(written.Keys.Order(), Table.Keys.Order());
        Assert.All(written, value => Assert.Equal(value.Value, Table[value.Key].Default));
    }

    [Fact]
    public void Schema_KnowsEveryValueAndNoOther() => Assert.Equal(
        Table.Keys.Order(), Described((JsonObject)Chart.ValuesSchema["properties"]!, "").Where(path => path != "global").Order());

    /// <summary>Set to the example of the schema, the value arrives in the field that the table names.</summary>
    [Theory]
    [MemberData(nameof(Fields))]
    public void Field_WhenSet_Arrives(string value)
    {
        Match field = Field().Match(Table[value].Becomes);
        JsonNode example = Example(value);
        JsonObject values = new[] { "Standard", "Knative" }.Select(mode => Set(Everything(mode, value), value, example)).First(candidate => Chart.Mistakes(candidate).Count == 0);

        JsonObject manifest = Chart.Render(values).First(found => found.Kind() == field.Groups[1].Value);

        JsonNode? arrived = field.Groups[2].Value.Split('.', StringSplitOptions.RemoveEmptyEntries).Aggregate((JsonNode?)manifest, Step);
        Assert.True(JsonNode.DeepEquals(example, arrived), $"{example.ToJsonString()} became {arrived?.ToJsonString()}");
    }

    /// <summary>An option of the chart is an option of the server, and the example is one that the server takes.</summary>
    [Theory]
    [MemberData(nameof(Options))]
    public void Option_WhenSet_IsTheServersArgument(string value)
    {
        string option = Table[value].Becomes.Trim('`');
        JsonNode example = Example(value);
        JsonObject values = Set(Everything("Standard", value), value, example);

        List<string> arguments = Chart.Render(values).Single(found => found.Kind() == "InferenceService").Texts("spec", "predictor", "model", "args");

        Assert.Equal([$"{option}={example}"], arguments);
        Assert.Contains(CommandLineTable.Options, known => known.Names[0] == option[2..]);
        Assert.IsType<CommandLineResult.Serve>(CommandLine.Parse(["--model_dir=/mnt/models", .. arguments], new ServerEnvironment()));
    }

    private static JsonObject Everything(string mode, string value)
    {
        var values = (JsonObject)JsonNode.Parse("""
            {
              "storage": {"enabled": true}, "llm": {"config": {"enabled": true}, "service": {"enabled": true, "uri": "hf://a/b"}},
              "inferenceService": {
                "enabled": true, "storageUri": "pvc://a/b", "podDisruptionBudget": {"enabled": true}, "networkPolicy": {"enabled": true},
                "serviceAccount": {"create": true}, "monitoring": {"kind": "PodMonitor"},
                "keda": {"serverAddress": "http://a", "query": "b", "value": "1"}
              }
            }
            """)!;
        values["inferenceService"]!["mode"] = mode;
        values["inferenceService"]!["keda"]!["enabled"] = value.Contains("keda", StringComparison.Ordinal);
        return values;
    }

    private static JsonNode Example(string value) => value.Split('.').Aggregate((JsonNode)Chart.ValuesSchema, (at, name) => at["properties"]![name]!)["examples"]![0]!.DeepClone();

    private static JsonObject Set(JsonObject values, string path, JsonNode value)
    {
        string[] names = path.Split('.');
        JsonObject at = values;
        foreach (string name in names[..^1])
        {
            at = (JsonObject)(at[name] ??= new JsonObject());
        }
        at[names[^1]] = value.DeepClone();
        return values;
    }

    private static JsonNode? Step(JsonNode? at, string name)
    {
        Match indexed = Indexed().Match(name);
        return indexed.Success ? at.At(indexed.Groups[1].Value)?[int.Parse(indexed.Groups[2].ValueSpan, System.Globalization.CultureInfo.InvariantCulture)] : at.At(name);
    }

    // What has no field of its own in values.yaml is one value, and so is what the schema takes as a whole.
    private static IEnumerable<(string Path, JsonNode? Value)> Leaves(JsonObject values, string prefix) => values.SelectMany(field =>
        field.Value is JsonObject { Count: > 0 } map && !Table.ContainsKey(prefix + field.Key) ? Leaves(map, $"{prefix}{field.Key}.") : [(prefix + field.Key, field.Value)]);

    private static IEnumerable<string> Described(JsonObject properties, string prefix) => properties.SelectMany(property =>
        property.Value!["properties"] is JsonObject inner && !Table.ContainsKey(prefix + property.Key) ? Described(inner, $"{prefix}{property.Key}.") : [prefix + property.Key]);

    [GeneratedRegex(@"^\| `([\w.]+)` \| (.+?) \| (.+?) \|$", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex(@"^([A-Z]\w+) `(\.[\w.\[\]]+)`")]
    private static partial Regex Field();

    [GeneratedRegex(@"^(\w+)\[([0-9]+)\]$")]
    private static partial Regex Indexed();
}
