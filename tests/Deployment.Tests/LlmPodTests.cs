using System.Text.Json.Nodes;
using KServePaged.Deployment.Tests.ControlPlane;
using KServePaged.Deployment.Tests.Manifests;
using KServePaged.Predictor.Configuration;
using KServePaged.TestSupport;

namespace KServePaged.Deployment.Tests;

/// <summary>LLMInferenceServices: the reproduction against the recordings, and then our own config in it.</summary>
public sealed class LlmPodTests
{
    private const string VllmsScript = "vLLM's own script is what is recorded";
    private const string LeaderAndWorkers = "a LeaderWorkerSet, whose pods are not ours to shape";

    /// <summary>Recordings with a Deployment of an LLMInferenceService that are not compared, and why.</summary>
    private static readonly Dictionary<string, string> NotCompared = new()
    {
        ["e02-llm-image-only"] = VllmsScript,
        ["f31-llm-tls-image-only"] = VllmsScript,
        ["e14-llm-other-container-name"] = VllmsScript,
        ["e07-llm-lora"] = "adapters, which this version does not serve, come with arguments and downloads of their own",
        ["e09-llm-dataparallel"] = LeaderAndWorkers,
        ["e10-llm-prefill"] = "prefill on other pods, which this version does not do, comes with a proxy and another port",
        ["e13-llm-tracing-offload"] = "tracing comes with arguments and environment that this version does not use",
    };

    private static IEnumerable<RecordedCase> WithDeployments => RecordedCase.All.Where(found =>
        found.Deployments.Count > 0 && found.Inputs.Count(input => input.Kind() == "LLMInferenceService") == 1);

    public static TheoryData<string> Cases => [.. RecordedCase.Rows(WithDeployments.Where(found => !NotCompared.ContainsKey(found.Name)))];

    [Fact]
    public void Exceptions_AreRecordings()
    {
        SharedData.PathOf("kserve-observed");
        Assert.All(NotCompared.Keys, name => Assert.Contains(WithDeployments, found => found.Name == name));
        Assert.True(Cases.Count >= 10, $"{Cases.Count} cases");
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Template_WhenMadeFromTheRecordedInputs_IsTheRecordedOne(string name)
    {
        RecordedCase recorded = RecordedCase.Named(name);
        JsonObject service = recorded.Single("LLMInferenceService");
        JsonNode made = recorded.Deployments.Single(deployment => deployment.Name() == service.Name() + "-kserve").At("spec", "template")!.DeepClone();
        made["metadata"] = new JsonObject(); // labels and annotations of llm-d's own

        // The switch is one of the cluster, and the recordings were made with either; the scheme of the probes tells which.
        bool tls = made.At("spec").Named("main", "containers").Text("readinessProbe", "httpGet", "scheme") == "HTTPS";
        Assert.Equal(Comparable.Lines(made), Comparable.Lines(LlmPod.Template(service, recorded.Inputs, tls)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void OurConfig_WhenMerged_StartsTheServer(bool tls)
    {
        JsonObject service = KServeFolder.Read("samples/llm.yaml").Single();
        JsonObject template = LlmPod.Template(service, KServeFolder.Read("llmisvc/kservepaged.yaml"), tls);
        JsonObject main = template.At("spec").Named("main", "containers")!;

        Assert.Equal(["/app/kservepaged"], main.Texts("command"));
        Assert.Equal(["/app/kservepaged", "drain"], main.Texts("lifecycle", "preStop", "exec", "command"));
        Assert.All(new[] { "startupProbe", "readinessProbe", "livenessProbe" }, probe => Assert.Equal(tls ? "HTTPS" : "HTTP", main.Text(probe, "httpGet", "scheme")));
        Assert.Empty(PodSecurity.Restricted(template["spec"]!));
        Assert.DoesNotContain("", main.Texts("args"));
        Assert.Equal(tls, main.Texts("args").Contains("--ssl_certfile=/var/run/kserve/tls/tls.crt"));
        CommandLineResult.Serve result = Assert.IsType<CommandLineResult.Serve>(CommandLine.Parse(main.Texts("args"), new ServerEnvironment { InKubernetes = true }));
        Assert.Equal(8000, result.Options.Port);
        Assert.Equal(["qwen2.5-0.5b-instruct", "publishers/default/models/qwen2.5-0.5b-instruct"], result.Options.ModelNames);
        CommandLineResult.Drain drain = Assert.IsType<CommandLineResult.Drain>(CommandLine.Parse(main.Texts("lifecycle", "preStop", "exec", "command")[1..], new ServerEnvironment()));
        Assert.True((drain.Delay + result.Options.ShutdownTimeout).TotalSeconds < template.At("spec", "terminationGracePeriodSeconds")!.GetValue<int>());
    }

    /// <summary>KServe leaves tensor parallelism on one node to the config; ours hands it on, and the server refuses what it cannot do.</summary>
    [Fact]
    public void OurConfig_WhenTensorParallelismIsAskedFor_StopsTheStart()
    {
        JsonObject service = KServeFolder.Read("samples/llm.yaml").Single();
        service["spec"]!["parallelism"] = new JsonObject { ["tensor"] = 2 };

        List<string> arguments = LlmPod.Template(service, KServeFolder.Read("llmisvc/kservepaged.yaml"), tls: false).At("spec").Named("main", "containers").Texts("args");

        UsageException refusal = Assert.Throws<UsageException>(() => CommandLine.Parse(arguments, new ServerEnvironment()));
        Assert.Contains("tensor-parallel-size", refusal.Message, StringComparison.Ordinal);
    }
}
