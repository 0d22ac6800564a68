using System.Text.Json.Nodes;
using KServePaged.Deployment.Tests.Manifests;

namespace KServePaged.Deployment.Tests.ControlPlane;

/// <summary>
/// What KServe's controller and webhook, Knative and the API server make of an InferenceService, as far as its pod goes: written after what the real
/// ones were recorded to do, and held to those recordings by a test.
/// </summary>
internal sealed class Cluster(IReadOnlyList<JsonObject> applied)
{
    private IReadOnlyList<JsonObject> Runtimes => [.. applied.Where(found => found.Kind() is "ServingRuntime" or "ClusterServingRuntime")];

    public JsonObject? RuntimeOf(JsonObject service, JsonNode? predictor = null) =>
        RuntimeSelection.Find(predictor ?? service.At("spec", "predictor")!, service.At("metadata").Text("namespace") ?? "default", Runtimes);

    /// <summary>The pod template of the Deployment of Standard mode.</summary>
    public JsonObject Template(JsonObject service, JsonObject predictor, string deployment)
    {
        JsonObject spec = Merged(service, predictor, out JsonObject? runtime);
        foreach (JsonObject container in spec.Items("containers"))
        {
            if (container["readinessProbe"] is null)
            {
                int port = container.Items("ports").FirstOrDefault()?.At("containerPort")?.GetValue<int>() ?? 8080;
                container["readinessProbe"] = new JsonObject { ["tcpSocket"] = new JsonObject { ["port"] = port } };
            }
        }
        AddSeveralUris(spec, predictor);
        return new JsonObject
        {
            ["metadata"] = new JsonObject { ["labels"] = Labels(service, predictor, runtime, "isvc." + deployment), ["annotations"] = Annotations(service, predictor, runtime) },
            ["spec"] = ApiDefaults.Pod(spec, template: true),
        };
    }

    /// <summary>The pod of Standard mode, after the webhook.</summary>
    public JsonObject StandardPod(JsonObject service)
    {
        var predictor = (JsonObject)service.At("spec", "predictor")!;
        JsonObject pod = Template(service, predictor, service.Name() + "-predictor");
        return Admit(pod, service, predictor, enableServiceLinks: true);
    }

    /// <summary>The pod of the first revision in Knative mode, after the webhook. The proxy's container has only what is said of the server's readiness.</summary>
    public JsonObject KnativePod(JsonObject service)
    {
        var predictor = (JsonObject)service.At("spec", "predictor")!;
        JsonObject spec = Merged(service, predictor, out JsonObject? runtime);
        AddSeveralUris(spec, predictor);
        Revision.Shape(spec, service.Name() + "-predictor", predictor.At("timeout")?.GetValue<int>() ?? 300);
        var pod = new JsonObject
        {
            ["metadata"] = new JsonObject { ["labels"] = Labels(service, predictor, runtime, null), ["annotations"] = Annotations(service, predictor, runtime) },
            ["spec"] = ApiDefaults.Pod(spec, template: true),
        };
        return Admit(pod, service, predictor, enableServiceLinks: false);
    }

    private JsonObject Merged(JsonObject service, JsonObject predictor, out JsonObject? runtime)
    {
        runtime = null;
        if (predictor["model"] is not null)
        {
            runtime = RuntimeOf(service, predictor) ?? throw new InvalidOperationException("No runtime found to support specified framework/version");
        }
        return PredictorPod.Merge(runtime, predictor, (JsonObject)service["metadata"]!);
    }

    private static void AddSeveralUris(JsonObject spec, JsonObject predictor)
    {
        if (predictor.Items("storageUris").ToList() is { Count: > 0 } uris)
        {
            Storage.AddSeveral(spec, [.. uris.Select(uri => (uri.Text("uri")!, uri.Text("mountPath") ?? "/mnt/models"))]);
        }
    }

    private JsonObject Admit(JsonObject pod, JsonObject service, JsonObject predictor, bool enableServiceLinks)
    {
        var spec = (JsonObject)pod["spec"]!;
        AddStorage(spec, service, predictor);
        foreach (JsonObject variable in spec.Items("containers").SelectMany(container => container.Items("env")).Where(variable => variable.Text("name") == "STORAGE_URI"))
        {
            variable["value"] = "/mnt/models";
        }
        spec["serviceAccountName"] ??= "default";
        spec["enableServiceLinks"] = enableServiceLinks;
        var annotations = (JsonObject)pod["metadata"]!["annotations"]!;
        foreach (string name in new[] { "enable-metric-aggregation", "enable-prometheus-scraping" })
        {
            annotations["serving.kserve.io/" + name] ??= "false";
        }
        if (annotations.Text("serving.kserve.io/enable-prometheus-scraping") == "true")
        {
            // Whatever the runtime says; nothing of ours listens there.
            annotations["prometheus.io/port"] = annotations.Text("serving.kserve.io/enable-metric-aggregation") == "true" ? "9088" : "9091";
            annotations["prometheus.io/path"] = "/metrics";
        }
        ApiDefaults.Pod(spec, template: false);
        return pod;
    }

    private void AddStorage(JsonObject spec, JsonObject service, JsonObject predictor)
    {
        JsonNode? storage = predictor.At("model", "storage");
        if ((storage is null ? UriOf(predictor) : Credentials.Resolve(storage, applied)) is { } uri)
        {
            JsonObject? downloader = applied.FirstOrDefault(found => found.Kind() == "ClusterStorageContainer" && found.Name() == predictor.Text("storageContainerName"))?.At("spec", "container") as JsonObject;
            Storage.Add(spec, uri, downloader, service.Annotation("storage.kserve.io/readonly") != "false");
            if (spec.Named("storage-initializer", "initContainers") is { } initializer)
            {
                initializer["env"] = new JsonArray([.. initializer.Items("env").Concat(Credentials.Of(predictor, applied)).Select(variable => variable.DeepClone())]);
                if (storage is not null)
                {
                    initializer["imagePullPolicy"] = "Always"; // that path does not read the storage container
                }
                if (initializer.Items("env").ToList().Count == 0)
                {
                    initializer.Remove("env");
                }
            }
        }
        else if (predictor["model"] is { } model && predictor["storageUris"] is null && model.Text("modelFormat", "name") != "huggingface")
        {
            Storage.AddMultiModel(spec, service.Name());
        }
    }

    private static string? UriOf(JsonObject predictor)
    {
        if (predictor.At("model", "storage") is { } storage)
        {
            return $"<scheme-placeholder>://{storage.Text("path")}";
        }
        return predictor.Text("model", "storageUri")
            ?? predictor.Items("containers").SelectMany(container => container.Items("env")).FirstOrDefault(variable => variable.Text("name") == "STORAGE_URI")?.Text("value");
    }

    private static JsonObject Labels(JsonObject service, JsonObject predictor, JsonObject? runtime, string? app)
    {
        JsonObject labels = Union(runtime.At("spec", "labels"), service.At("metadata", "labels"), predictor.At("labels"));
        if (app is not null)
        {
            labels["app"] = app;
        }
        labels["component"] = "predictor";
        labels["serving.kserve.io/inferenceservice"] = service.Name();
        return labels;
    }

    private static JsonObject Annotations(JsonObject service, JsonObject predictor, JsonObject? runtime)
    {
        JsonObject annotations = Union(runtime.At("spec", "annotations"), service.At("metadata", "annotations"), predictor.At("annotations"));
        if (UriOf(predictor) is { } uri)
        {
            annotations["internal.serving.kserve.io/storage-initializer-sourceuri"] = uri;
        }
        if (predictor.Text("model", "storage", "key") is { } key)
        {
            annotations["internal.serving.kserve.io/storage-spec"] = "true";
            annotations["internal.serving.kserve.io/storage-spec-key"] = key;
        }
        if (predictor.Text("storageContainerName") is { } container)
        {
            annotations["internal.serving.kserve.io/storage-container-name"] = container;
        }
        return annotations;
    }

    private static JsonObject Union(params JsonNode?[] maps)
    {
        var union = new JsonObject();
        foreach ((string name, JsonNode? value) in maps.OfType<JsonObject>().SelectMany(map => map))
        {
            union[name] = value?.DeepClone();
        }
        return union;
    }
}
