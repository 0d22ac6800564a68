using System.IO.Compression;
using System.Text.Json.Nodes;
using KServePaged.Deployment.Tests.Manifests;
using KServePaged.TestSupport;

namespace KServePaged.Deployment.Tests.Schemas;

/// <summary>
/// Schemas by apiVersion and kind: KServe's own CRDs from the reference data, the kinds of Kubernetes from the types of its client library, and for the few others
/// (the storage container and the graph of KServe, Prometheus' monitors, kustomize) the fields that our files use, written down in Schemas/Others.
/// </summary>
internal static class KnownKinds
{
    private static readonly Dictionary<string, Lazy<StructuralSchema>> Schemas = Definitions();

    /// <summary>Skips the calling test where the reference data is absent; later it would be within an assertion, which makes a failure of it.</summary>
    public static void Need() => SharedData.PathOf("kserve-crds");

    /// <returns>One sentence for each mistake.</returns>
    public static IReadOnlyList<string> Validate(JsonObject manifest)
    {
        string name = $"{manifest["apiVersion"]} {manifest["kind"]}";
        if (CoreKinds.Find(name) is { } type)
        {
            return CoreKinds.Validate(manifest, type);
        }
        if (!Schemas.TryGetValue(name, out Lazy<StructuralSchema>? schema))
        {
            return [$"'{name}' is no kind that is known here"];
        }
        var errors = new List<string>(CoreKinds.ValidateMetadata(manifest["metadata"]));
        var rest = (JsonObject)manifest.DeepClone();
        rest.Remove("metadata"); // a CRD's schema says nothing about it
        errors.AddRange(schema.Value.Validate(rest));
        if (manifest["kind"]?.GetValue<string>() == "ClusterStorageContainer")
        {
            // The same type as a container of an InferenceService.
            errors.AddRange(Schemas["serving.kserve.io/v1beta1 InferenceService"].Value.At("spec", "predictor", "containers", "[]")
                .Validate(manifest["spec"]?["container"], ".spec.container"));
        }
        return errors;
    }

    private static Dictionary<string, Lazy<StructuralSchema>> Definitions()
    {
        var all = new Dictionary<string, Lazy<StructuralSchema>>();
        foreach ((string plural, string kind, string[] versions) in new (string, string, string[])[]
        {
            ("servingruntimes", "ServingRuntime", ["v1alpha1"]), ("clusterservingruntimes", "ClusterServingRuntime", ["v1alpha1"]),
            ("inferenceservices", "InferenceService", ["v1beta1"]), ("llminferenceservices", "LLMInferenceService", ["v1alpha1", "v1alpha2"]),
            ("llminferenceserviceconfigs", "LLMInferenceServiceConfig", ["v1alpha1", "v1alpha2"]),
        })
        {
            var definition = new Lazy<JsonObject>(() => Read($"kserve-crds/serving.kserve.io_{plural}.yaml.gz"));
            foreach (string version in versions)
            {
                all[$"serving.kserve.io/{version} {kind}"] = new(() => new StructuralSchema(Of(definition.Value, version)));
            }
        }
        foreach (string path in Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Schemas", "Others"), "*.yaml"))
        {
            JsonObject file = YamlText.Single(File.ReadAllText(path));
            all[$"{file["apiVersion"]} {file["kind"]}"] = new(() => new StructuralSchema((JsonObject)file["schema"]!));
        }
        return all;
    }

    private static JsonObject Of(JsonObject definition, string version) => (JsonObject)((JsonArray)definition["spec"]!["versions"]!)
        .Single(one => one!["name"]!.GetValue<string>() == version)!["schema"]!["openAPIV3Schema"]!;

    private static JsonObject Read(string path)
    {
        using var file = new GZipStream(File.OpenRead(SharedData.PathOf(path)), CompressionMode.Decompress);
        return YamlText.Single(new StreamReader(file).ReadToEnd());
    }
}
