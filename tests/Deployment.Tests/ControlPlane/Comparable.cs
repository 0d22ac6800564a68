using System.Text.Json;
using System.Text.Json.Nodes;
using KServePaged.Deployment.Tests.Manifests;

namespace KServePaged.Deployment.Tests.ControlPlane;

/// <summary>A pod without what is nobody's business here, in one order, as lines that a test can compare.</summary>
internal static class Comparable
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string[] Lines(JsonNode pod)
    {
        var kept = new JsonObject { ["labels"] = Labels(pod.At("metadata", "labels")), ["annotations"] = Annotations(pod.At("metadata", "annotations")) };
        var spec = (JsonObject)pod["spec"]!.DeepClone();
        Sort(spec, "volumes", "name");
        if (spec["tolerations"] is JsonArray tolerations)
        {
            // What the API server adds to every pod; the recordings leave it out where nothing else is there.
            Replace(spec, "tolerations", tolerations.Where(item => item.Text("key")?.StartsWith("node.kubernetes.io/", StringComparison.Ordinal) != true));
        }
        foreach (string list in new[] { "initContainers", "containers" })
        {
            if (spec[list] is JsonArray containers)
            {
                // The agent is KServe's and no part of this reproduction; of Knative's proxy only what it asks of the server is.
                Replace(spec, list, containers.Where(container => container.Text("name") != "agent").Select(container => Container((JsonObject)container!)));
            }
        }
        kept["spec"] = spec;
        return JsonNode.Parse(kept.Canonical())!.ToJsonString(Indented).Split('\n');
    }

    private static JsonObject Container(JsonObject container)
    {
        if (container.Text("name") == "queue-proxy")
        {
            string readiness = container.Items("env").Single(variable => variable.Text("name") == "SERVING_READINESS_PROBE").Text("value")!;
            return new JsonObject { ["name"] = "queue-proxy", ["readiness"] = JsonNode.Parse(readiness) };
        }
        Sort(container, "env", "name"); // the order is not kept by the real merge
        Sort(container, "volumeMounts", "mountPath");
        return container;
    }

    private static JsonObject Labels(JsonNode? labels) => Without(labels, name =>
        name.StartsWith("serving.knative.dev/", StringComparison.Ordinal) || (name == "app" && labels.Text("serving.knative.dev/revision") is not null));

    private static JsonObject Annotations(JsonNode? annotations) => Without(annotations, name =>
        name is "kubectl.kubernetes.io/default-container" || name.Contains("knative.dev/", StringComparison.Ordinal)
        || (name.StartsWith("internal.serving.kserve.io/", StringComparison.Ordinal) && !name.Contains("storage", StringComparison.Ordinal)));

    private static JsonObject Without(JsonNode? map, Func<string, bool> leftOut) =>
        new((map as JsonObject ?? []).Where(field => !leftOut(field.Key)).Select(field => KeyValuePair.Create(field.Key, field.Value?.DeepClone())));

    private static void Sort(JsonObject at, string list, string key)
    {
        if (at[list] is JsonArray items)
        {
            Replace(at, list, items.OrderBy(item => item.Text(key), StringComparer.Ordinal));
        }
    }

    private static void Replace(JsonObject at, string list, IEnumerable<JsonNode?> items)
    {
        JsonNode?[] kept = [.. items.Select(item => item?.DeepClone())];
        at.Remove(list);
        if (kept.Length > 0)
        {
            at[list] = new JsonArray(kept);
        }
    }
}
