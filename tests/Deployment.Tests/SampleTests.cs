using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using KServePaged.Deployment.Tests.Manifests;
using KServePaged.Predictor.Autoscaling;

namespace KServePaged.Deployment.Tests;

/// <summary>The samples say what they are for, and avoid what KServe takes without a word and does not do.</summary>
public sealed partial class SampleTests
{
    public static TheoryData<string> Samples => [.. KServeFolder.Files("samples")];

    private static IEnumerable<(string File, JsonObject Manifest)> InferenceServices => KServeFolder.All("InferenceService");

    [Theory]
    [MemberData(nameof(Samples))]
    public void Sample_SaysItsModeAndWhatItShows(string file)
    {
        string[] lines = KServeFolder.Text(file).Split('\n');
        Match mode = Mode().Match(lines[0]);

        Assert.True(mode.Success, $"{file} begins with '# Mode: …'");
        Assert.StartsWith("# Shows: ", lines[1], StringComparison.Ordinal);
        Assert.All(KServeFolder.Read(file).Where(manifest => manifest.Kind() == "InferenceService"), manifest => Assert.Contains(
            manifest.Annotation("serving.kserve.io/deploymentMode")!, mode.Value.Split(' ')));
    }

    [Fact]
    public void Names_FitIntoHostNames() => Assert.All(KServeFolder.All(), found => Assert.Matches("^[a-z]([-a-z0-9]{0,44}[a-z0-9])?$", found.Manifest.Name()));

    /// <summary>With an own format and no storage KServe takes the service for one of many models and mounts an empty directory.</summary>
    [Fact]
    public void InferenceServices_HaveAModelFromSomewhere() => Assert.All(InferenceServices, found => Assert.NotNull(found.Manifest.Text("spec", "predictor", "model", "storageUri")));

    [Fact]
    public void Knative_IsGivenOnlyWhatItTakes()
    {
        string[] refused =
        [
            "nodeSelector", "tolerations", "affinity", "topologySpreadConstraints", "priorityClassName", "securityContext", "runtimeClassName", "initContainers",
            "deploymentStrategy", "terminationGracePeriodSeconds", "autoScaling",
        ];
        Assert.All(InferenceServices.Where(found => found.Manifest.Annotation("serving.kserve.io/deploymentMode") == "Knative"), found =>
        {
            var predictor = (JsonObject)found.Manifest.At("spec", "predictor")!;
            Assert.DoesNotContain(predictor, field => refused.Contains(field.Key));
            Assert.Contains(predictor.Text("scaleMetric"), new[] { null, "concurrency", "rps" });
            Assert.True((predictor.At("timeout")?.GetValue<int>() ?? 0) <= 600);
            Assert.Null(found.Manifest.At("spec", "canary"));
            Assert.Equal(0, predictor.At("containerConcurrency")?.GetValue<int>() ?? 0);
        });
    }

    [Fact]
    public void Standard_IsGivenOnlyWhatItHonours() => Assert.All(InferenceServices.Where(found => found.Manifest.Annotation("serving.kserve.io/deploymentMode") == "Standard"), found =>
    {
        JsonNode predictor = found.Manifest.At("spec", "predictor")!;
        bool keda = found.Manifest.Annotation("serving.kserve.io/autoscalerClass") == "keda";
        Assert.Null(predictor.At("canaryTrafficPercent")); // ignored there
        Assert.Contains(predictor.Text("scaleMetric"), new[] { null, "cpu", "memory" }); // anything else silently becomes cpu 80 %
        Assert.Equal(keda, predictor.At("autoScaling") is not null);
        Assert.True(keda || (predictor.At("minReplicas")?.GetValue<int>() ?? 1) >= 1);
        Assert.All(predictor.Items("autoScaling", "metrics"), metric => Assert.Equal("Value", (metric.At("external") ?? metric.At("podmetric")).Text("target", "type")));
    });

    [Fact]
    public void Canaries_HaveANameAndNoScaling() => Assert.All(InferenceServices.SelectMany(found => found.Manifest.Items("spec", "canary")), canary =>
    {
        Assert.NotNull(canary.Text("predictor", "name"));
        Assert.Null(canary.At("predictor", "maxReplicas"));
    });

    /// <summary>KServe's clean-up deletes the objects of a service that spans nodes again and again.</summary>
    [Fact]
    public void WorkerSpec_IsNowhere() => Assert.All(KServeFolder.All(), found =>
        Assert.DoesNotContain(RuntimeRulesTests.Descendants(found.Manifest).OfType<JsonObject>(), node => node.ContainsKey("workerSpec")));

    [Fact]
    public void Graphs_CallServicesThatSpeakV2()
    {
        var services = InferenceServices.ToDictionary(found => found.Manifest.Name() + found.File, found => found.Manifest);
        (string File, JsonObject Manifest)[] graphs = [.. KServeFolder.All("InferenceGraph")];
        Assert.NotEmpty(graphs);
        Assert.All(graphs, graph => Assert.All(graph.Manifest.Items("spec", "nodes", "root", "steps"), step =>
            Assert.Equal("v2", services[step.Text("serviceName") + graph.File].Text("spec", "predictor", "model", "protocolVersion"))));
    }

    /// <summary>KEDA asks one replica; the name of the scaler must lead it to all of them, and the metric be one that the server knows.</summary>
    [Fact]
    public void ExternalScaler_IsReachedThroughAServiceWithoutAnAddress()
    {
        List<JsonObject> file = KServeFolder.Read("samples/keda-external-scaler.yaml");
        JsonObject service = file.Single(manifest => manifest.Kind() == "Service");
        JsonObject isvc = file.Single(manifest => manifest.Kind() == "InferenceService");
        JsonNode metric = isvc.Items("spec", "predictor", "autoScaling", "metrics").Single().At("podmetric", "metric")!;

        Assert.Equal("None", service.Text("spec", "clusterIP"));
        Assert.Equal($"isvc.{isvc.Name()}-predictor", service.Text("spec", "selector", "app"));
        Assert.Equal($"{service.Name()}.models.svc:8080", metric.Text("serverAddress"));
        Assert.NotNull(LoadMetric.Named(metric.Text("query")!));
        Assert.Equal([metric.Text("query")!], metric.Texts("metricNames"));
    }

    /// <summary>Through Knative gRPC needs the one port to be called h2c, and only the InferenceService may declare it.</summary>
    [Fact]
    public void Grpc_ThroughKnative_IsThePortNamedH2c()
    {
        (string File, JsonObject Manifest)[] grpc = [.. InferenceServices.Where(found => found.Manifest.At("spec", "predictor", "model", "ports") is not null)];
        Assert.NotEmpty(grpc);
        Assert.All(grpc, found =>
        {
            JsonObject port = found.Manifest.Items("spec", "predictor", "model", "ports").Single();
            Assert.Equal("""{"containerPort":8080,"name":"h2c","protocol":"TCP"}""", port.ToJsonString());
        });
    }

    /// <summary>The modes that a sample says it is for.</summary>
    internal static string[] Modes(string file) => KServeFolder.Text(file).Split('\n')[0].Replace("# Mode: ", "", StringComparison.Ordinal).Split(" or ");

    [GeneratedRegex("^# Mode: (Standard|Knative|Standard or Knative|LLMInferenceService)$")]
    private static partial Regex Mode();
}
