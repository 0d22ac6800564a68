using System.Text.Json.Nodes;
using KServePaged.Deployment.Tests.Manifests;

namespace KServePaged.Deployment.Tests.ControlPlane;

/// <summary>What KServe's pod webhook adds for each form of storage.</summary>
internal static class Storage
{
    private const string Models = "/mnt/models";

    /// <summary>Adds volumes, mounts and containers for one URI.</summary>
    /// <param name="pod">The spec, changed in place.</param>
    /// <param name="uri">The storageUri; one that names no scheme is mounted by nobody.</param>
    /// <param name="downloader">The container of the chosen ClusterStorageContainer, or null for KServe's default.</param>
    /// <param name="readOnly">Not so with the annotation storage.kserve.io/readonly "false".</param>
    public static void Add(JsonObject pod, string uri, JsonObject? downloader, bool readOnly)
    {
        string scheme = uri.Contains("://", StringComparison.Ordinal) ? uri[..uri.IndexOf("://", StringComparison.Ordinal)] : "";
        string rest = uri[(uri.IndexOf("://", StringComparison.Ordinal) + 3)..];
        switch (scheme)
        {
            case "": break;
            case "pvc": Claim(pod, rest, readOnly); break;
            case "oci": Modelcar(pod, rest); break;
            case "oci+native": ImageVolume(pod, rest); break;
            case "oci+fetch": Download(pod, null, ["oci://" + rest, Models], "mnt-models", Models, readOnly: false, pulled: true); break;
            default: Download(pod, downloader, [uri, Models], "kserve-provision-location", Models, readOnly); break;
        }
    }

    /// <summary>Several URIs with their places: one downloader, and their common folder mounted.</summary>
    public static void AddSeveral(JsonObject pod, IReadOnlyList<(string Uri, string Path)> places)
    {
        string[][] paths = [.. places.Select(place => place.Path.Trim('/').Split('/'))];
        int common = Enumerable.Range(0, paths.Min(path => path.Length)).TakeWhile(i => paths.All(path => path[i] == paths[0][i])).Count();
        string parent = "/" + string.Join('/', paths[0][..common]);
        Download(pod, null, [.. places.SelectMany(place => new[] { place.Uri, place.Path })], string.Join('-', paths[0][..common]), parent, readOnly: true);
    }

    private static void Claim(JsonObject pod, string rest, bool readOnly)
    {
        string[] parts = rest.Split('/', 2);
        Volume(pod, "kserve-pvc-source", new JsonObject { ["persistentVolumeClaim"] = new JsonObject { ["claimName"] = parts[0] } });
        foreach (JsonObject container in Served(pod))
        {
            JsonObject mount = Mount(container, "kserve-pvc-source", Models, readOnly);
            if (parts.Length == 2)
            {
                mount["subPath"] = parts[1];
            }
        }
    }

    private static void ImageVolume(JsonObject pod, string image)
    {
        Volume(pod, "mnt-models", new JsonObject { ["image"] = new JsonObject { ["reference"] = image, ["pullPolicy"] = "IfNotPresent" } });
        foreach (JsonObject container in Served(pod))
        {
            Mount(container, "mnt-models", Models, readOnly: true)["subPath"] = "models";
        }
    }

    private static void Download(JsonObject pod, JsonObject? downloader, string[] arguments, string volume, string path, bool readOnly, bool pulled = false)
    {
        var container = (JsonObject)(downloader?.DeepClone() ?? JsonNode.Parse("""
            {
              "name": "storage-initializer", "image": "kserve/storage-initializer:latest",
              "resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "100m", "memory": "100Mi"}}
            }
            """)!);
        container["terminationMessagePolicy"] = "FallbackToLogsOnError";
        container["imagePullPolicy"] = pulled ? "Always" : "IfNotPresent";
        container["args"] = new JsonArray([.. arguments.Select(argument => (JsonNode)argument)]);
        if (!pulled)
        {
            foreach ((string name, string value) in new[] { ("HF_HUB_ENABLE_HF_TRANSFER", "1"), ("HF_XET_HIGH_PERFORMANCE", "1"), ("HF_XET_NUM_CONCURRENT_RANGE_GETS", "8") })
            {
                Environment(container, name, value);
            }
        }
        Volume(pod, volume, new JsonObject { ["emptyDir"] = new JsonObject() });
        Mount(container, volume, path, readOnly: false);
        foreach (JsonObject served in Served(pod))
        {
            Mount(served, volume, path, readOnly);
        }
        // Before the service's own init containers, or after: the recordings have none with both.
        ((JsonArray)(pod["initContainers"] ??= new JsonArray())).Add(container);
    }

    // The model's image as a sidecar, whose files are seen through /proc: the link in /mnt appears when the sidecar runs, and both need one user.
    private static void Modelcar(JsonObject pod, string image)
    {
        pod["shareProcessNamespace"] = true;
        Volume(pod, "kserve-provision-location", new JsonObject { ["emptyDir"] = new JsonObject() });
        foreach (JsonObject container in Served(pod))
        {
            Mount(container, "kserve-provision-location", "/mnt", readOnly: false);
            Environment(container, "MODEL_INIT_MODE", "async");
            ((JsonObject)(container["securityContext"] ??= new JsonObject()))["runAsUser"] = 1010;
        }
        var car = (JsonObject)JsonNode.Parse("""
            {
              "name": "modelcar", "args": ["sh", "-c", "ln -sf /proc/$$$$/root/models /mnt/models && sleep infinity"], "securityContext": {"runAsUser": 1010},
              "terminationMessagePolicy": "FallbackToLogsOnError",
              "resources": {"limits": {"cpu": "10m", "memory": "15Mi"}, "requests": {"cpu": "10m", "memory": "15Mi"}}
            }
            """)!;
        car["image"] = image;
        var first = (JsonObject)car.DeepClone();
        first["name"] = "modelcar-init";
        first.Remove("securityContext");
        first["args"] = new JsonArray("sh", "-c", $"echo 'Pre-fetching modelcar {image}: ' && [ -d /models ] && [ \"$$(ls -A /models)\" ] && echo 'OK ... Prefetched and valid (/models exists)' || (echo 'NOK ... Prefetched but modelcar is invalid (/models does not exist or is empty)' && exit 1)");
        Mount(car, "kserve-provision-location", "/mnt", readOnly: false);
        ((JsonArray)pod["containers"]!).Add(car);
        ((JsonArray)(pod["initContainers"] ??= new JsonArray())).Add(first);
    }

    /// <summary>Without a URI and with a format of its own a service counts as one of many models: an empty folder, filled by the agent.</summary>
    public static void AddMultiModel(JsonObject pod, string service)
    {
        Volume(pod, "model-dir", new JsonObject { ["emptyDir"] = new JsonObject() });
        Volume(pod, "model-config", new JsonObject { ["configMap"] = new JsonObject { ["name"] = $"modelconfig-{service}-0", ["defaultMode"] = 420 } });
        foreach (JsonObject container in Served(pod))
        {
            Mount(container, "model-dir", Models, readOnly: false);
        }
    }

    private static IEnumerable<JsonObject> Served(JsonObject pod) =>
        [.. pod.Items("containers").Where(container => container.Text("name") is "kserve-container" or "transformer-container" or "main")];

    private static void Volume(JsonObject pod, string name, JsonObject source)
    {
        source["name"] = name;
        ((JsonArray)(pod["volumes"] ??= new JsonArray())).Add(source);
    }

    private static JsonObject Mount(JsonObject container, string volume, string path, bool readOnly)
    {
        var mount = new JsonObject { ["name"] = volume, ["mountPath"] = path };
        if (readOnly)
        {
            mount["readOnly"] = true;
        }
        ((JsonArray)(container["volumeMounts"] ??= new JsonArray())).Add(mount);
        return mount;
    }

    private static void Environment(JsonObject container, string name, string value)
    {
        var env = (JsonArray)(container["env"] ??= new JsonArray());
        if (env.All(variable => variable.Text("name") != name))
        {
            env.Add(new JsonObject { ["name"] = name, ["value"] = value });
        }
    }
}
