using System.Text.Json.Nodes;
using KServePaged.Deployment.Tests.Manifests;
using KServePaged.Deployment.Tests.Templates;

namespace KServePaged.Deployment.Tests.ControlPlane;

/// <summary>A runtime and an InferenceService merged into the spec of a pod, as KServe's controller does it before either mode.</summary>
internal static class PredictorPod
{
    private static readonly string[] OfTheModel = ["modelFormat", "storageUri", "storage", "runtime", "runtimeVersion", "protocolVersion"];

    private static readonly string[] OfTheRuntime = ["volumes", "nodeSelector", "affinity", "tolerations", "imagePullSecrets", "schedulerName", "resourceClaims"];

    private static readonly string[] NotOfAPod =
    [
        "model", "minReplicas", "maxReplicas", "scaleTarget", "scaleMetric", "scaleMetricType", "autoScaling", "containerConcurrency", "timeout", "canaryTrafficPercent",
        "logger", "batcher", "labels", "annotations", "deploymentStrategy", "storageUris", "storageContainerName", "workerSpec", "name", "containers",
    ];

    /// <exception cref="TemplateException">A placeholder that KServe cannot follow.</exception>
    public static JsonObject Merge(JsonObject? runtime, JsonObject predictor, JsonObject metadata)
    {
        var own = new JsonObject(predictor.Where(field => !NotOfAPod.Contains(field.Key)).Select(field => KeyValuePair.Create(field.Key, field.Value?.DeepClone())));
        if (runtime is null)
        {
            own["containers"] = new JsonArray([.. predictor.Items("containers").Select(container => Named(Custom(container), metadata))]);
            return own;
        }
        var spec = (JsonObject)runtime["spec"]!;
        var shared = new JsonObject(spec.Where(field => OfTheRuntime.Contains(field.Key)).Select(field => KeyValuePair.Create(field.Key, field.Value?.DeepClone())));
        JsonObject pod = StrategicMerge.Merge(shared, own);
        JsonObject main = Container(spec.Items("containers").First(container => container.Text("name") == "kserve-container"), (JsonObject)predictor["model"]!);
        pod["containers"] = new JsonArray([.. predictor.Items("containers").Prepend(main).Select(container => Named(Placeholders.Expand(container, metadata), metadata))]);
        return pod;
    }

    private static JsonObject Container(JsonObject runtime, JsonObject model)
    {
        var over = new JsonObject(model.Where(field => !OfTheModel.Contains(field.Key) && field.Value?.ToString() != "").Select(field => KeyValuePair.Create(field.Key, field.Value?.DeepClone())));
        JsonObject container = StrategicMerge.Merge(runtime, over);
        if (runtime["args"] is not null || model["args"] is not null)
        {
            container["args"] = new JsonArray([.. runtime.Texts("args").Concat(model.Texts("args")).Select(argument => (JsonNode)argument)]);
        }
        if (model.Text("runtimeVersion") is { } version && container.Text("image") is { } image && !image.Contains('@'))
        {
            container["image"] = image[..image.LastIndexOf(':')] + ":" + version;
        }
        return container;
    }

    // Only containers without a runtime get resources.
    private static JsonObject Custom(JsonObject container)
    {
        var filled = (JsonObject)container.DeepClone();
        filled["resources"] ??= JsonNode.Parse("""{"limits":{"cpu":"1","memory":"2Gi"},"requests":{"cpu":"1","memory":"2Gi"}}""");
        return filled;
    }

    private static JsonObject Named(JsonObject container, JsonObject metadata)
    {
        var env = (JsonArray)(container["env"] ??= new JsonArray());
        env.Add(new JsonObject { ["name"] = "INFERENCE_SERVICE_NAME", ["value"] = metadata.Name() });
        return container;
    }
}
