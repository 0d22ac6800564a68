using System.Text.Json.Nodes;
using KServePaged.Deployment.Tests.Manifests;
using KServePaged.Deployment.Tests.Schemas;

namespace KServePaged.Deployment.Tests;

/// <summary>Every file of kserve/ is what the API server would take with strict field validation.</summary>
public sealed class SchemaTests
{
    public static TheoryData<string> Files => [.. KServeFolder.Files()];

    [Theory]
    [MemberData(nameof(Files))]
    public void File_WhenValidated_HasNoMistake(string file)
    {
        KnownKinds.Need();
        Assert.All(KServeFolder.Read(file), manifest => Assert.Empty(KnownKinds.Validate(manifest)));
    }

    /// <summary>The same check finds each of these, planted into files of ours; without that, silence would prove nothing.</summary>
    [Theory]
    [InlineData("runtimes/cluster/cpu.yaml", "spec.protocolVersion", "[\"v2\"]", ".spec.protocolVersion: unknown field")]
    [InlineData("runtimes/cluster/cpu.yaml", "spec.terminationGracePeriodSeconds", "60", ".spec.terminationGracePeriodSeconds: unknown field")]
    [InlineData("runtimes/cluster/cpu.yaml", "spec.securityContext", "{}", ".spec.securityContext: unknown field")]
    [InlineData("runtimes/cluster/cpu.yaml", "spec.containers", null, ".spec.containers: is required")]
    [InlineData("runtimes/namespaced/cpu.yaml", "spec.containers.0.env.0.value", "1", ".spec.containers[0].env[0].value: 1 is not of type string")]
    [InlineData("runtimes/namespaced/cpu.yaml", "spec.containers.0.readinessProbe.httpGet.port", "true", ".spec.containers[0].readinessProbe.httpGet.port: true is neither an integer nor a string")]
    [InlineData("runtimes/namespaced/gpu.yaml", "spec.containers.0.resources.limits.memory", "\"lots\"", ".spec.containers[0].resources.limits.memory: \"lots\" breaks pattern")]
    [InlineData("runtimes/namespaced/gpu.yaml", "spec.containers.0.readinessProbe.httpGet.port", null, ".spec.containers[0].readinessProbe.httpGet.port: is required")]
    [InlineData("samples/pvc.yaml", "spec.predictor.maxReplica", "3", ".spec.predictor.maxReplica: unknown field")]
    [InlineData("samples/pvc.yaml", "spec.predictor.model.storageUris", "[]", ".spec.predictor.model.storageUris: unknown field")]
    [InlineData("samples/pvc.yaml", "spec.predictor.model.timeout", "60", ".spec.predictor.model.timeout: unknown field")]
    [InlineData("samples/pvc.yaml", "spec.predictor.minReplicas", "\"1\"", ".spec.predictor.minReplicas: \"1\" is not of type integer")]
    [InlineData("samples/pvc.yaml", "spec.predictor.model.ports", "[{\"containerPort\":8080},{\"containerPort\":8080,\"protocol\":\"TCP\"}]", ".spec.predictor.model.ports: 8080 \"TCP\" is given twice")]
    [InlineData("samples/pvc.yaml", "metadata.annotations.x", "true", "$.annotations.x: ")]
    [InlineData("samples/pvc.yaml", "metadata.label", "{}", "$.label: ")]
    [InlineData("samples/canary-standard.yaml", "spec.canary.0.trafficPercent", "110", ".spec.canary[0].trafficPercent: 110 breaks maximum 100")]
    [InlineData("samples/keda-prometheus.yaml", "spec.predictor.autoScaling.metrics.0.external.metric.backend", "\"foo\"", ".spec.predictor.autoScaling.metrics[0].external.metric.backend: \"foo\" breaks enum")]
    [InlineData("llmisvc/kservepaged.yaml", "spec.template.containers.0.command", "\"/app/kservepaged\"", ".spec.template.containers[0].command: \"/app/kservepaged\" is not of type array")]
    [InlineData("storage/clusterstoragecontainer.yaml", "spec.container.resource", "{}", ".spec.container.resource: unknown field")]
    [InlineData("monitoring/podmonitor.yaml", "spec.podMetricsEndpoints.0.intervall", "\"1s\"", ".spec.podMetricsEndpoints[0].intervall: unknown field")]
    [InlineData("samples/s3.yaml", "stringdata", "{}", "$.stringdata: ")]
    [InlineData("samples/s3.yaml", "metadata.name", null, ".metadata.name: is required")]
    [InlineData("samples/s3.yaml", "kind", "\"Secrets\"", "'v1 Secrets' is no kind that is known here")]
    public void File_WhenAMistakeIsPlanted_IsRefused(string file, string path, string? value, string expected)
    {
        KnownKinds.Need();
        JsonObject manifest = KServeFolder.Read(file)[0];
        Assert.Empty(KnownKinds.Validate(manifest));

        Plant(manifest, path.Split('.'), value);

        Assert.Contains(KnownKinds.Validate(manifest), error => error.StartsWith(expected, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("a: yes")]
    [InlineData("a: 0755")]
    [InlineData("a: 1\na: 2")]
    [InlineData("a: [1")]
    public void YamlText_WhenReadersWouldDisagree_Throws(string text) => Assert.Throws<InvalidDataException>(() => YamlText.Documents(text));

    private static void Plant(JsonNode at, string[] path, string? value)
    {
        foreach (string step in path[..^1])
        {
            at = int.TryParse(step, out int index) ? at[index]! : at[step]!; // a wrong path is a mistake of the test and throws
        }
        if (value is null)
        {
            Assert.True(((JsonObject)at).Remove(path[^1]));
        }
        else
        {
            at[path[^1]] = JsonNode.Parse(value);
        }
    }
}
