using System.Text.Json.Nodes;
using KServePaged.Deployment.Tests.Charts;
using KServePaged.Deployment.Tests.ControlPlane;
using KServePaged.Deployment.Tests.Manifests;
using KServePaged.Predictor.Configuration;

namespace KServePaged.Deployment.Tests;

/// <summary>Our runtimes and each of our samples, merged as KServe merges them, give a pod whose arguments the server takes.</summary>
public sealed class SamplePodTests
{
    private static readonly List<JsonObject> Installed =
    [
        .. KServeFolder.Files("runtimes/cluster").SelectMany(KServeFolder.Read), .. KServeFolder.Files("storage").SelectMany(KServeFolder.Read),
    ];

    public static TheoryData<string, string, string> Services => [.. KServeFolder.All("InferenceService").SelectMany(found => SampleTests.Modes(found.File).Select(mode => (found.File, found.Manifest.Name(), mode)))];

    public static TheoryData<string> Profiles => [.. Chart.Profiles.Where(profile => Chart.Profile(profile)["inferenceService"] is not null)];

    [Theory]
    [MemberData(nameof(Services))]
    public void Sample_WhenMerged_StartsTheServer(string file, string name, string mode)
    {
        List<JsonObject> applied = KServeFolder.Read(file);
        JsonObject service = applied.Single(found => found.Kind() == "InferenceService" && found.Name() == name);
        service["metadata"]!["annotations"]!["serving.kserve.io/deploymentMode"] = mode;

        JsonObject pod = PodOf(service, [.. Installed, .. applied]);

        AssertServes(pod, name);
        AssertSecurity(pod, modelcar: service.Text("spec", "predictor", "model", "storageUri")!.StartsWith("oci://", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Profiles))]
    public void Profile_WhenMerged_StartsTheServer(string profile)
    {
        List<JsonObject> applied = Chart.Render(Chart.Profile(profile));
        JsonObject service = applied.Single(found => found.Kind() == "InferenceService");

        JsonObject pod = PodOf(service, [.. applied, .. Installed.Where(found => found.Kind() == "ClusterStorageContainer")]);

        AssertServes(pod, service.Name());
        AssertSecurity(pod, modelcar: false);
    }

    [Fact]
    public void Canary_WhenMerged_AnswersToTheServicesName()
    {
        JsonObject service = KServeFolder.Read("samples/canary-standard.yaml").Single();
        var canary = (JsonObject)service.Items("spec", "canary").Single()["predictor"]!;

        JsonObject template = new Cluster(Installed).Template(service, canary, "chat-weighted-next-predictor");

        AssertServes(template, "chat-weighted");
    }

    [Theory]
    [InlineData("gpu.yaml", "cuda", "nvidia.com/gpu")]
    [InlineData("mig.yaml", "cuda", "nvidia.com/mig-1g.10gb")]
    [InlineData("cpu.yaml", "auto", null)]
    public void Device_IsTheOneThatTheSampleAsksFor(string file, string device, string? resource)
    {
        JsonObject container = PodOf(KServeFolder.Read($"samples/{file}").Single(), Installed).At("spec").Named("kserve-container", "containers")!;

        Assert.Equal(device, Parse(container).Engine.Device);
        Assert.Equal(resource, ((JsonObject)container.At("resources", "limits")!).Select(amount => amount.Key).SingleOrDefault(name => name.Contains('/')));
    }

    private static JsonObject PodOf(JsonObject service, IReadOnlyList<JsonObject> applied)
    {
        var cluster = new Cluster(applied);
        return service.Annotation("serving.kserve.io/deploymentMode") == "Knative" ? cluster.KnativePod(service) : cluster.StandardPod(service);
    }

    private static void AssertServes(JsonObject pod, string name)
    {
        JsonObject container = pod.At("spec").Named("kserve-container", "containers")!;
        ServerOptions options = Parse(container);

        Assert.Equal([name], options.ModelNames);
        Assert.StartsWith("/mnt/models", options.Engine.ModelPath, StringComparison.Ordinal);
        Assert.Equal(8080, options.Port);
        Assert.Equal("*", options.Host);
        Assert.Equal("kservepaged", container.Text("image")!.Split(':', '@')[0]);
        Assert.All(container.Items("ports"), port => Assert.Equal(8080, port.At("containerPort")!.GetValue<int>()));
        Assert.All(new[] { "startupProbe", "livenessProbe" }, probe => Assert.Equal(8080, container.At(probe, "httpGet", "port")!.GetValue<int>()));
        long grace = pod.At("spec", "terminationGracePeriodSeconds")!.GetValue<int>();
        Assert.True(options.ShutdownTimeout.TotalSeconds < grace, "running requests may take longer than the pod lives");
        Assert.All((JsonObject)container.At("resources", "requests")!, amount => Assert.True(Quantity.Of(amount.Value!) <= Quantity.Of(container.At("resources", "limits", amount.Key)!)));
    }

    private static void AssertSecurity(JsonObject pod, bool modelcar)
    {
        List<string> refused = PodSecurity.Restricted(Without(pod["spec"]!, "queue-proxy"));
        if (!modelcar)
        {
            Assert.Empty(refused);
            return;
        }
        // KServe's two containers are what is refused; the server's is not, and runs as their user.
        Assert.All(refused, what => Assert.StartsWith("modelcar", what, StringComparison.Ordinal));
        JsonObject container = pod.At("spec").Named("kserve-container", "containers")!;
        Assert.Equal(1010, container.At("securityContext", "runAsUser")!.GetValue<int>());
        Assert.Equal(TimeSpan.FromMinutes(10), Parse(container).ModelWait);
    }

    private static JsonNode Without(JsonNode spec, string container)
    {
        JsonNode copy = spec.DeepClone();
        copy["containers"] = new JsonArray([.. copy.Items("containers").Where(found => found.Name() != container).Select(found => found.DeepClone())]);
        return copy;
    }

    private static ServerOptions Parse(JsonObject container)
    {
        string? Variable(string name) => container.Named(name, "env")?.Text("value");
        var environment = new ServerEnvironment
        {
            Port = Variable("PORT"),
            ModelName = Variable("INFERENCE_SERVICE_NAME"),
            ModelAppearsLate = Variable("MODEL_INIT_MODE") == "async",
            InKubernetes = true,
        };
        CommandLineResult.Serve result = Assert.IsType<CommandLineResult.Serve>(CommandLine.Parse(container.Texts("args"), environment));
        Assert.Empty(result.Notes);
        return result.Options;
    }
}
