using System.Text.Json.Nodes;
using KServePaged.Deployment.Tests.ControlPlane;
using KServePaged.Deployment.Tests.Manifests;
using KServePaged.Deployment.Tests.Templates;

namespace KServePaged.Deployment.Tests;

/// <summary>The reproduction takes the runtime that KServe took, and finds none where it found none; placeholders that broke there break here.</summary>
public sealed class RuntimeSelectionTests
{
    public static TheoryData<string, string> Selections => [.. Recorded().DefaultIfEmpty(("(no reference data)", "none"))];

    [Theory]
    [MemberData(nameof(Selections))]
    public void Find_WhenGivenTheRecordedInputs_TakesTheRecordedRuntime(string name, string runtime)
    {
        RecordedCase recorded = RecordedCase.Named(name);
        var cluster = new Cluster([.. recorded.Inputs, RecordedCase.All[0].Single("ClusterServingRuntime")]);

        Assert.Equal(runtime, cluster.RuntimeOf(recorded.Single("InferenceService"))?.Name() ?? "none");
    }

    [Theory]
    [InlineData("b30b-template-index")]
    [InlineData("b32-template-jinja")]
    [InlineData("b33-template-unknown-field")]
    [InlineData("b34-template-lone-braces")]
    public void Placeholders_WhenKServeCouldNotFollow_Throw(string name)
    {
        RecordedCase recorded = RecordedCase.Read(TestSupport.SharedData.PathOf($"kserve-observed/{name}.yaml"));
        var cluster = new Cluster(recorded.Inputs);

        Assert.Throws<TemplateException>(() => cluster.StandardPod(recorded.Single("InferenceService")));
    }

    private static IEnumerable<(string Case, string Runtime)> Recorded()
    {
        foreach (RecordedCase recorded in RecordedCase.All.Where(found => found.Stored.Count == 1 && found.Inputs.Count(input => input.Kind() == "InferenceService") == 1))
        {
            JsonNode? status = recorded.Stored[0].At("status");
            string? runtime = status.Text("clusterServingRuntimeName") ?? status.Text("servingRuntimeName");
            JsonNode predictor = recorded.Single("InferenceService").At("spec", "predictor")!;
            if (predictor.At("model") is null || predictor.At("pytorch") is not null)
            {
                continue; // no runtime, or one that the old way of naming a framework chose
            }
            if (runtime is not null)
            {
                yield return (recorded.Name, runtime);
            }
            else if (status.Text("modelStatus", "lastFailureInfo", "reason") is "NoSupportingRuntime" or "RuntimeNotRecognized" or "RuntimeDisabled")
            {
                yield return (recorded.Name, "none");
            }
        }
    }
}
