using System.Text.Json.Nodes;
using KServePaged.Deployment.Tests.Charts;
using KServePaged.Deployment.Tests.Manifests;
using KServePaged.Deployment.Tests.Schemas;

namespace KServePaged.Deployment.Tests;

/// <summary>The Helm chart, rendered with its own values and with each profile.</summary>
public sealed class ChartTests
{
    public static TheoryData<string> Profiles => [.. Chart.Profiles];

    [Theory]
    [MemberData(nameof(Profiles))]
    public void Profile_WhenRendered_IsValid(string profile)
    {
        KnownKinds.Need();
        List<JsonObject> objects = Chart.Render(Chart.Profile(profile));

        Assert.NotEmpty(objects);
        Assert.All(objects, manifest => Assert.Empty(KnownKinds.Validate(manifest)));
        Assert.Equal(objects.Count, objects.DistinctBy(manifest => (manifest.Kind(), manifest.Name())).Count());
    }

    [Theory]
    [MemberData(nameof(Profiles))]
    public void Profile_WhenRenderedTwice_IsTheSame(string profile) => Assert.Equal(
        Chart.Render(Chart.Profile(profile)).Select(manifest => manifest.ToJsonString()), Chart.Render(Chart.Profile(profile)).Select(manifest => manifest.ToJsonString()));

    /// <summary>The chart and the plain files say the same, but for labels and what Helm's user chose.</summary>
    [Theory]
    [InlineData("cluster")]
    [InlineData("namespaced")]
    public void Runtimes_AreThoseOfThePlainFiles(string scope)
    {
        var values = new JsonObject { ["runtimes"] = new JsonObject { ["scope"] = scope, ["gpu"] = new JsonObject { ["enabled"] = true } } };
        List<JsonObject> rendered = [.. Chart.Render(values).Select(Plain)];

        Assert.Equal(2, rendered.Count);
        Assert.Equal(KServeFolder.Read($"runtimes/{scope}/cpu.yaml").Single().Canonical(), rendered[0].Canonical());
        Assert.Equal(KServeFolder.Read($"runtimes/{scope}/gpu.yaml").Single().Canonical(), rendered[1].Canonical());
    }

    [Fact]
    public void LlmConfig_IsThatOfThePlainFile()
    {
        var values = new JsonObject { ["runtimes"] = new JsonObject { ["scope"] = "none" }, ["llm"] = new JsonObject { ["config"] = new JsonObject { ["enabled"] = true } } };

        Assert.Equal(KServeFolder.Read("llmisvc/kservepaged.yaml").Single().Canonical(), Plain(Chart.Render(values).Single()).Canonical());
    }

    [Fact]
    public void Storage_IsThatOfThePlainFile()
    {
        var values = new JsonObject { ["runtimes"] = new JsonObject { ["scope"] = "none" }, ["storage"] = new JsonObject { ["enabled"] = true } };

        Assert.Equal(KServeFolder.Read("storage/clusterstoragecontainer.yaml").Single().Canonical(), Plain(Chart.Render(values).Single()).Canonical());
    }

    [Fact]
    public void Image_WhenADigestIsGiven_IsNamedByIt()
    {
        List<JsonObject> objects = Chart.Render(Chart.Profile("production"));

        Assert.Equal("kservepaged@sha256:" + new string('0', 64), objects[^1].Items("spec", "containers").Single().Text("image"));
    }

    /// <summary>A pod of this chart is protected by what the chart makes for it: the selectors match the labels that KServe gives to predictors.</summary>
    [Fact]
    public void Companions_SelectThePodsThatKServeMakes()
    {
        List<JsonObject> objects = Chart.Render(Chart.Profile("production"));
        string pods = """{"component":"predictor","serving.kserve.io/inferenceservice":"chat"}""";

        Assert.Equal(pods, objects.Single(o => o.Kind() == "NetworkPolicy").At("spec", "podSelector", "matchLabels")!.ToJsonString());
        Assert.Equal(pods, objects.Single(o => o.Kind() == "PodDisruptionBudget").At("spec", "selector", "matchLabels")!.ToJsonString());
        Assert.Equal(pods, objects.Single(o => o.Kind() == "ServiceMonitor").At("spec", "selector", "matchLabels")!.ToJsonString());
        Assert.Equal("chat-predictor", objects.Single(o => o.Kind() == "ServiceMonitor").Items("spec", "endpoints").Single().Text("port"));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"inferenceService":{"enabled":true,"storageUri":"pvc://a/b","options":{"maxModelLen":"32k","threads":0}}}""")]
    [InlineData("""{"global":{"anything":1}}""")]
    [InlineData("""{"inferenceService":{"mode":"Knative","canaryTrafficPercent":10,"scaleMetric":"rps"}}""")]
    public void Values_WhenRight_AreTaken(string values) => Assert.Empty(Chart.Mistakes(Parse(values)));

    [Theory]
    [InlineData("""{"inferenceServic":{}}""")]
    [InlineData("""{"inferenceService":{"enabled":true}}""")] // no model
    [InlineData("""{"inferenceService":{"minReplicas":"1"}}""")]
    [InlineData("""{"inferenceService":{"mode":"Serverless"}}""")]
    [InlineData("""{"inferenceService":{"name":"Chat"}}""")]
    [InlineData("""{"inferenceService":{"options":{"max_model_len":8192}}}""")]
    [InlineData("""{"inferenceService":{"options":{"memoryFraction":1.5}}}""")]
    [InlineData("""{"inferenceService":{"options":{"dtype":"int8"}}}""")]
    [InlineData("""{"inferenceService":{"canaryTrafficPercent":10}}""")] // Standard mode ignores it
    [InlineData("""{"inferenceService":{"scaleMetric":"concurrency"}}""")] // Standard mode makes cpu 80 % of it
    [InlineData("""{"inferenceService":{"mode":"Knative","terminationGracePeriodSeconds":60}}""")] // no effect there
    [InlineData("""{"inferenceService":{"mode":"Knative","keda":{"enabled":true,"serverAddress":"a","query":"b","value":"1"}}}""")]
    [InlineData("""{"inferenceService":{"mode":"Knative","monitoring":{"kind":"ServiceMonitor"}}}""")]
    [InlineData("""{"inferenceService":{"mode":"Knative","timeout":1800}}""")]
    [InlineData("""{"inferenceService":{"keda":{"enabled":true}}}""")]
    [InlineData("""{"runtimes":{"cpu":{"priority":2}}}""")]
    [InlineData("""{"runtimes":{"scope":"global"}}""")]
    [InlineData("""{"image":{"digest":"sha256:1"}}""")]
    [InlineData("""{"llm":{"service":{"enabled":true}}}""")]
    public void Values_WhenWrong_AreRefused(string values)
    {
        Assert.NotEmpty(Chart.Mistakes(Parse(values)));
        Assert.Throws<InvalidDataException>(() => Chart.Render(Parse(values)));
    }

    private static JsonObject Parse(string values) => (JsonObject)JsonNode.Parse(values)!;

    // Without the labels and the pull policy that only the chart writes.
    private static JsonObject Plain(JsonObject manifest)
    {
        ((JsonObject)manifest["metadata"]!).Remove("labels");
        foreach (JsonObject container in manifest.Items("spec", "containers").Concat(manifest.Items("spec", "template", "containers")))
        {
            container.Remove("imagePullPolicy");
        }
        return manifest;
    }
}
