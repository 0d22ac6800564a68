using System.Text.Json.Nodes;

namespace KServePaged.Deployment.Tests.Manifests;

/// <summary>Short ways to the fields of a manifest that tests look at.</summary>
internal static class Reading
{
    public static string Kind(this JsonObject manifest) => manifest["kind"]!.GetValue<string>();

    public static string Name(this JsonNode named) => (named["metadata"]?["name"] ?? named["name"])!.GetValue<string>();

    public static string? Annotation(this JsonObject manifest, string name) => manifest["metadata"]?["annotations"]?[name]?.GetValue<string>();

    /// <summary>The field at a path, or null where any part of it is missing.</summary>
    public static JsonNode? At(this JsonNode? node, params string[] path) => path.Aggregate(node, (at, name) => at is JsonObject fields ? fields[name] : null);

    public static string? Text(this JsonNode? node, params string[] path) => node.At(path)?.GetValue<string>();

    public static IEnumerable<JsonObject> Items(this JsonNode? node, params string[] path) => node.At(path) is JsonArray items ? items.Cast<JsonObject>() : [];

    public static List<string> Texts(this JsonNode? node, params string[] path) =>
        node.At(path) is JsonArray items ? [.. items.Select(item => item!.GetValue<string>())] : [];

    /// <summary>The item of that name in a list.</summary>
    public static JsonObject? Named(this JsonNode? node, string name, params string[] path) => node.Items(path).FirstOrDefault(item => item.Text("name") == name);

    /// <summary>JSON with the fields of every object in one order, so that texts differ where values do.</summary>
    public static string Canonical(this JsonNode? node) => Sorted(node)?.ToJsonString() ?? "null";

    private static JsonNode? Sorted(JsonNode? node) => node switch
    {
        JsonObject fields => new JsonObject(fields.OrderBy(field => field.Key, StringComparer.Ordinal).Select(field => KeyValuePair.Create(field.Key, Sorted(field.Value)))),
        JsonArray items => new JsonArray([.. items.Select(Sorted)]),
        _ => node?.DeepClone(),
    };
}
