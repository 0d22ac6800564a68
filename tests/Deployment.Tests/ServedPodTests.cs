using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using KServePaged.Deployment.Tests.ControlPlane;
using KServePaged.Deployment.Tests.Manifests;

namespace KServePaged.Deployment.Tests;

/// <summary>The server, started with what KServe makes of our runtime and a sample, answers the pod's probes, serves under the service's name, and stops when told.</summary>
public sealed class ServedPodTests
{
    /// <summary>These run always; all of them take half a minute and are left to the slow suites.</summary>
    private static readonly string[] Quick = ["samples/pvc.yaml Standard", "samples/oci-modelcar.yaml Standard", "samples/grpc-knative.yaml Knative", "samples/llm.yaml LLMInferenceService"];

    private static readonly List<JsonObject> Installed =
    [
        .. KServeFolder.Files("runtimes/cluster").SelectMany(KServeFolder.Read), .. KServeFolder.Files("storage").SelectMany(KServeFolder.Read),
    ];

    // A GPU is not where these tests run.
    private static readonly string[] NeedAGpu = ["samples/gpu.yaml", "samples/mig.yaml"];

    public static TheoryData<string, string, string> Services =>
    [
        .. KServeFolder.All("InferenceService", "LLMInferenceService").Where(found => !NeedAGpu.Contains(found.File)).SelectMany(found =>
            SampleTests.Modes(found.File).Select(mode => (found.File, found.Manifest.Name(), mode))),
    ];

    [Theory]
    [MemberData(nameof(Services))]
    public async Task Sample_WhenStarted_ServesAndStops(string file, string name, string mode)
    {
        if (!Quick.Contains($"{file} {mode}") && Environment.GetEnvironmentVariable("KSERVEPAGED_SLOW") != "1")
        {
            Assert.Skip("a process for each sample: set KSERVEPAGED_SLOW=1");
        }
        JsonNode spec = PodOf(file, name, mode)["spec"]!;
        JsonObject container = spec.Named(mode == "LLMInferenceService" ? "main" : "kserve-container", "containers")!;
        bool late = container.Named("MODEL_INIT_MODE", "env") is not null;
        await using var pod = new PodProcess(container, late);

        if (late)
        {
            await pod.ProbeAsync(container.Text("startupProbe", "httpGet", "path")!, HttpStatusCode.ServiceUnavailable);
            pod.MountModels(); // the sidecar has made its link
        }
        await pod.ProbeAsync(container.Text("startupProbe", "httpGet", "path")!, HttpStatusCode.OK);
        await pod.ProbeAsync(container.Text("livenessProbe", "httpGet", "path")!, HttpStatusCode.OK);
        await pod.ProbeAsync(ReadinessOf(spec, container), HttpStatusCode.OK);
        string model = mode == "LLMInferenceService" ? "publishers/default/models/qwen2.5-0.5b-instruct" : name;
        JsonNode answer = await AskAsync(pod, model);

        Assert.Equal("assistant", answer.Items("choices").Single().Text("message", "role"));
        Assert.Equal(0, await pod.StopAsync());
    }

    private static JsonObject PodOf(string file, string name, string mode)
    {
        List<JsonObject> applied = KServeFolder.Read(file);
        JsonObject service = applied.Single(found => found.Kind() is "InferenceService" or "LLMInferenceService" && found.Name() == name);
        if (mode == "LLMInferenceService")
        {
            return LlmPod.Template(service, KServeFolder.Read("llmisvc/kservepaged.yaml"), tls: false);
        }
        service["metadata"]!["annotations"]!["serving.kserve.io/deploymentMode"] = mode;
        var cluster = new Cluster([.. Installed, .. applied]);
        return mode == "Knative" ? cluster.KnativePod(service) : cluster.StandardPod(service);
    }

    // In Knative mode the proxy asks, with what it was told of our probe.
    private static string ReadinessOf(JsonNode spec, JsonObject container) => container.Text("readinessProbe", "httpGet", "path")
        ?? JsonNode.Parse(spec.Named("queue-proxy", "containers").Named("SERVING_READINESS_PROBE", "env").Text("value")!).Text("httpGet", "path")!;

    private static async Task<JsonNode> AskAsync(PodProcess pod, string model)
    {
        var request = new { model, max_tokens = 4, messages = new[] { new { role = "user", content = "Hello" } } };
        using HttpResponseMessage response = await pod.Http.PostAsJsonAsync("/v1/chat/completions", request, TestContext.Current.CancellationToken);
        string body = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(response.StatusCode == HttpStatusCode.OK, body);
        return JsonNode.Parse(body)!;
    }
}
