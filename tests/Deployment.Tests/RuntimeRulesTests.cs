using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using KServePaged.Deployment.Tests.Manifests;

namespace KServePaged.Deployment.Tests;

/// <summary>What real KServe, Knative and Kubernetes controllers were seen to demand of a runtime, beyond what the schemas say.</summary>
public sealed partial class RuntimeRulesTests
{
    public static TheoryData<string> Runtimes => [.. KServeFolder.Files("runtimes")];

    private static JsonObject Runtime(string file) => KServeFolder.Read(file).Single();

    private static JsonObject Container(string file) => Runtime(file).Items("spec", "containers").Single();

    /// <summary>KServe refuses a runtime whose priority for an auto-selected format another one has: its own have 1 and 2 for huggingface.</summary>
    [Theory]
    [InlineData("runtimes/cluster")]
    [InlineData("runtimes/namespaced")]
    public void Priorities_WhenRuntimesAreInstalledTogether_AreDistinct(string folder)
    {
        var priorities = KServeFolder.Files(folder).SelectMany(file => Runtime(file).Items("spec", "supportedModelFormats"))
            .Where(format => format.At("autoSelect")!.GetValue<bool>())
            .Select(format => (Format: format.Name(), Priority: format.At("priority")!.GetValue<int>())).ToList();

        Assert.All(priorities, one => Assert.True(one.Priority >= 3));
        Assert.Equal(priorities.Count, priorities.Distinct().Count());
        Assert.Contains(priorities, one => one.Format == "huggingface");
        Assert.Contains(priorities, one => one.Format == "kservepaged");
    }

    [Theory]
    [MemberData(nameof(Runtimes))]
    public void Runtime_WhenAnInferenceServiceNamesNoProtocol_IsFound(string file) => Assert.Equal(["v2", "v1", "grpc-v2"], Runtime(file).Texts("spec", "protocolVersions"));

    [Theory]
    [MemberData(nameof(Runtimes))]
    public void Container_HasTheNameThatKServeLooksFor_AndNoPort(string file)
    {
        Assert.Equal("kserve-container", Container(file).Name());
        Assert.Null(Container(file).At("ports"));
    }

    [Theory]
    [InlineData("startupProbe", "/v2/health/ready")]
    [InlineData("readinessProbe", "/v2/health/ready")]
    [InlineData("livenessProbe", "/v2/health/live")]
    public void Probes_AreHttpOn8080(string probe, string path) => Assert.All(KServeFolder.Files("runtimes"), file =>
    {
        JsonNode? http = Container(file).At(probe, "httpGet");
        Assert.Equal(8080, http.At("port")?.GetValue<int>());
        Assert.Equal(path, http.Text("path"));
    });

    [Theory]
    [MemberData(nameof(Runtimes))]
    public void Container_RunsAnywhere(string file)
    {
        JsonObject container = Container(file);

        Assert.Equal(true, container.At("securityContext", "readOnlyRootFilesystem")?.GetValue<bool>());
        Assert.Null(container.At("securityContext", "runAsUser")); // an arbitrary one: OpenShift's, or the modelcar's 1010
        Assert.Equal(["/dev/shm", "/tmp"], container.Items("volumeMounts").Select(mount => mount.Text("mountPath")!).Order());
        Assert.All(container.Items("env"), variable => Assert.NotNull(variable.At("value"))); // Knative refuses fieldRef
        Assert.Empty(PodSecurity.Restricted(Runtime(file)["spec"]!));
        Assert.Equal("FallbackToLogsOnError", container.Text("terminationMessagePolicy"));
    }

    [Theory]
    [MemberData(nameof(Runtimes))]
    public void Image_IsOneForCpuAndGpu_WithoutAHost(string file)
    {
        Assert.Equal("kservepaged:0.1.0", Container(file).Text("image"));
        Assert.Null(Runtime(file).Annotation("serving.kserve.io/server-type")); // it would rewrite the tag
        Assert.StartsWith("kservepaged", Runtime(file).Name(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("cpu.yaml")]
    [InlineData("gpu.yaml")]
    public void ClusterAndNamespacedRuntime_DifferInTheKindOnly(string file)
    {
        JsonObject cluster = Runtime($"runtimes/cluster/{file}");
        JsonObject namespaced = Runtime($"runtimes/namespaced/{file}");

        Assert.Equal("ClusterServingRuntime", cluster.Kind());
        cluster["kind"] = "ServingRuntime";
        Assert.True(JsonNode.DeepEquals(cluster, namespaced));
    }

    /// <summary>KServe expands a runtime and an InferenceService as templates; anything but these four forms breaks the InferenceService.</summary>
    [Fact]
    public void Braces_AreTheFourPlaceholders() => Assert.All(KServeFolder.All("ServingRuntime", "ClusterServingRuntime", "InferenceService"), found => Assert.All(
        Texts(found.Manifest["spec"]!), text => Assert.DoesNotContain("{{", Placeholder().Replace(text, ""), StringComparison.Ordinal)));

    /// <summary>Resources are merged key by key, so a request without its limit can end above the runtime's limit.</summary>
    [Fact]
    public void Resources_AreGivenAsRequestAndLimit() => Assert.All(KServeFolder.All(), found => Assert.All(ResourcesOf(found.Manifest), resources =>
    {
        var requests = (JsonObject)resources["requests"]!;
        var limits = (JsonObject)resources["limits"]!;
        Assert.Equal(requests.Select(amount => amount.Key).Order(), limits.Select(amount => amount.Key).Order());
        Assert.All(requests, amount => Assert.True(Quantity.Of(amount.Value!) <= Quantity.Of(limits[amount.Key]!), $"{found.File}: {amount.Key}"));
        Assert.All(requests.Where(amount => amount.Key.Contains('/')), amount => Assert.Equal(Quantity.Of(amount.Value!), Quantity.Of(limits[amount.Key]!)));
    }));

    /// <summary>A host in front of an image would be one place in the world; no file names any.</summary>
    [Fact]
    public void Images_NameNoHost() => Assert.All(
        KServeFolder.All().SelectMany(found => Descendants(found.Manifest)).OfType<JsonObject>().Select(node => node["image"]).OfType<JsonValue>(),
        image => Assert.Matches("^[a-z0-9-]+(/[a-z0-9-]+)?:[a-z0-9.]+$", image.GetValue<string>()));

    internal static IEnumerable<JsonNode> Descendants(JsonNode node) => node switch
    {
        JsonObject fields => fields.Select(field => field.Value).OfType<JsonNode>().SelectMany(Descendants).Prepend(node),
        JsonArray items => items.OfType<JsonNode>().SelectMany(Descendants).Prepend(node),
        _ => [node],
    };

    private static IEnumerable<string> Texts(JsonNode node) => Descendants(node).OfType<JsonValue>()
        .Where(value => value.GetValueKind() == System.Text.Json.JsonValueKind.String).Select(value => value.GetValue<string>());

    private static IEnumerable<JsonObject> ResourcesOf(JsonObject manifest) =>
        Descendants(manifest).OfType<JsonObject>().Select(node => node["resources"]).OfType<JsonObject>();

    [GeneratedRegex(@"\{\{\.(Name|Namespace|Labels\.\w+|Annotations\.\w+)\}\}")]
    private static partial Regex Placeholder();
}
