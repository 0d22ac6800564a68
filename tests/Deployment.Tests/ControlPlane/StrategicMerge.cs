using System.Text.Json.Nodes;

namespace KServePaged.Deployment.Tests.ControlPlane;

/// <summary>Kubernetes' strategic merge, for the fields of pods: maps are merged, some lists by a key of their items, all else is replaced.</summary>
internal static class StrategicMerge
{
    private static readonly Dictionary<string, string[]> MergeKeys = new()
    {
        ["containers"] = ["name"],
        ["initContainers"] = ["name"],
        ["volumes"] = ["name"],
        ["imagePullSecrets"] = ["name"],
        ["env"] = ["name"],
        ["volumeMounts"] = ["mountPath"],
        ["ports"] = ["containerPort", "protocol"],
        ["topologySpreadConstraints"] = ["topologyKey", "whenUnsatisfiable"],
    };

    public static JsonObject Merge(JsonObject under, JsonObject over)
    {
        var merged = (JsonObject)under.DeepClone();
        foreach ((string name, JsonNode? value) in over)
        {
            merged[name] = (merged[name], value) switch
            {
                (JsonObject a, JsonObject b) => Merge(a, b),
                (JsonArray a, JsonArray b) when MergeKeys.TryGetValue(name, out string[]? keys) => Merge(a, b, keys),
                _ => value?.DeepClone(),
            };
        }
        return merged;
    }

    // What is laid over comes first; seen with ports, where the order decides which one a Service takes.
    private static JsonArray Merge(JsonArray under, JsonArray over, string[] keys)
    {
        string KeyOf(JsonNode? item) => string.Join('/', keys.Select(key => item![key]?.ToString() ?? (key == "protocol" ? "TCP" : "")));
        IEnumerable<JsonNode?> first = over.Select(item =>
            under.FirstOrDefault(other => KeyOf(other) == KeyOf(item)) is JsonObject existing ? Merge(existing, (JsonObject)item!) : item?.DeepClone());
        return new JsonArray([.. first, .. under.Where(item => over.All(other => KeyOf(other) != KeyOf(item))).Select(item => item?.DeepClone())]);
    }
}
