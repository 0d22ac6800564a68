using System.Text.Json.Nodes;
using KServePaged.Deployment.Tests.ControlPlane;
using KServePaged.Deployment.Tests.Manifests;
using KServePaged.TestSupport;

namespace KServePaged.Deployment.Tests;

/// <summary>The reproduction of the control plane gives the recorded pods when it is fed the recorded inputs.</summary>
public sealed class RecordedPodTests
{
    private const string OtherKind = "an LLMInferenceService: LlmPodTests";
    private const string OfAGraph = "the pod is the router's of an InferenceGraph, which holds nothing of ours";
    private const string SeveralNodes = "several nodes: KServe's clean-up deletes what it made, and nothing of ours asks for it";

    /// <summary>Recordings with a pod or a Deployment that are not compared here, and why.</summary>
    private static readonly Dictionary<string, string> NotCompared = new()
    {
        ["d04-kn-annotations"] = "the template of the Deployment was not recorded, and no pod",
        ["g30-multinode"] = SeveralNodes,
        ["g31-multinode-sizes"] = SeveralNodes,
        ["g32-multinode-mp"] = SeveralNodes,
        ["g37-multinode-cpu"] = SeveralNodes,
        ["g40-graph"] = OfAGraph,
        ["g43-graph-v2"] = OfAGraph,
        ["g44-graph-v2-runtime-only"] = OfAGraph,
    };

    /// <summary>What lay in the namespace of a05 without being written into its file, told by the variables that came of it.</summary>
    private static readonly List<JsonObject> SecretOfA05 = [.. YamlText.Documents("""
        apiVersion: v1
        kind: Secret
        metadata:
          name: s3-cred
          annotations:
            serving.kserve.io/s3-endpoint: minio.demo:9000
            serving.kserve.io/s3-usehttps: "0"
            serving.kserve.io/s3-region: us-east-1
        stringData:
          AWS_ACCESS_KEY_ID: x
          AWS_SECRET_ACCESS_KEY: z
        ---
        apiVersion: v1
        kind: ServiceAccount
        metadata:
          name: model-sa
        secrets:
          - name: s3-cred
        """).Cast<JsonObject>()];

    private static IEnumerable<RecordedCase> WithPods => RecordedCase.All.Where(found => found.Pods.Count + found.Deployments.Count > 0);

    public static TheoryData<string> Cases => [.. RecordedCase.Rows(WithPods
        .Where(found => found.Inputs.Any(input => input.Kind() == "InferenceService") && !NotCompared.ContainsKey(found.Name)))];

    [Fact]
    public void Recordings_AreComparedOrNamedWithAReason()
    {
        SharedData.PathOf("kserve-observed");
        string[] compared = [.. Cases.Select(row => row.Data)];

        Assert.True(compared.Length >= 60, $"{compared.Length} cases");
        Assert.All(NotCompared.Keys, name => Assert.Contains(WithPods, found => found.Name == name));
        Assert.All(WithPods.Where(found => !compared.Contains(found.Name) && !NotCompared.ContainsKey(found.Name)), found =>
            Assert.True(found.Inputs.Any(input => input.Kind() == "LLMInferenceService"), $"{found.Name} is not {OtherKind}"));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Pods_WhenMadeFromTheRecordedInputs_AreTheRecordedOnes(string name)
    {
        RecordedCase recorded = RecordedCase.Named(name);
        int compared = 0;
        foreach (JsonObject service in recorded.Inputs.Where(input => input.Kind() == "InferenceService"))
        {
            Cluster cluster = new([.. recorded.Inputs, .. name == "a05-standard-s3" ? SecretOfA05 : [], RecordedCase.All[0].Single("ClusterServingRuntime")]);
            bool knative = service.Annotation("serving.kserve.io/deploymentMode") is "Knative" or null;
            foreach ((string deployment, JsonObject predictor) in Predictors(service).Where(_ => !knative))
            {
                foreach (JsonObject made in recorded.Deployments.Where(found => found.Name() == deployment))
                {
                    Assert.Equal(Comparable.Lines(made.At("spec", "template")!), Comparable.Lines(cluster.Template(service, predictor, deployment)));
                    compared++;
                }
            }
            foreach (JsonObject pod in recorded.Pods.Where(pod => pod.At("metadata", "labels").Text("serving.kserve.io/inferenceservice") == service.Name()))
            {
                Assert.Equal(Comparable.Lines(pod), Comparable.Lines(knative ? cluster.KnativePod(service) : cluster.StandardPod(service)));
                compared++;
            }
        }
        Assert.True(compared > 0, "nothing to compare");
    }

    /// <summary>Our check of the level restricted gives the verdict of the real admission.</summary>
    [Fact]
    public void PodSecurity_WhenGivenTheRecordedPods_JudgesLikeTheAdmission()
    {
        SharedData.PathOf("kserve-observed");
        (string Case, JsonObject Pod, bool Passes)[] judged = [.. RecordedCase.All.SelectMany(found => found.Judged.Select(pod => (found.Name, pod.Pod, pod.Passes)))];

        Assert.Contains(judged, one => one.Passes);
        Assert.Contains(judged, one => !one.Passes);
        Assert.All(judged, one => Assert.Equal(one.Passes, PodSecurity.Restricted(one.Pod["spec"]!).Count == 0));
    }

    private static IEnumerable<(string Deployment, JsonObject Predictor)> Predictors(JsonObject service) => service.Items("spec", "canary")
        .Select(canary => (JsonObject)canary["predictor"]!).Select(predictor => ($"{service.Name()}-{predictor.Name()}-predictor", predictor))
        .Prepend((service.Name() + "-predictor", (JsonObject)service.At("spec", "predictor")!));
}
