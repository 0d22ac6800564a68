using System.Text.Json.Nodes;
using KServePaged.Deployment.Tests.Manifests;

namespace KServePaged.Deployment.Tests;

/// <summary>What an LLMInferenceServiceConfig must bring, since whatever it lacks comes from KServe's preset for vLLM.</summary>
public sealed class LlmConfigTests
{
    private static readonly JsonObject Template = (JsonObject)KServeFolder.Read("llmisvc/kservepaged.yaml").Single().At("spec", "template")!;

    private static readonly JsonObject Main = Template.Named("main", "containers")!;

    [Fact]
    public void Command_IsOurs() => Assert.Equal(["/app/kservepaged"], Main.Texts("command"));

    [Fact]
    public void PreStop_IsOurOwnProgram()
    {
        Assert.Equal(["/app/kservepaged", "drain"], Main.Texts("lifecycle", "preStop", "exec", "command"));
        Assert.Single((JsonObject)Main.At("lifecycle", "preStop")!); // two handlers: the Deployment is refused, and nothing says so
    }

    [Fact]
    public void Pod_PassesRestricted() => Assert.Empty(PodSecurity.Restricted(Template));

    [Theory]
    [InlineData("startupProbe", "/health")]
    [InlineData("readinessProbe", "/health")]
    [InlineData("livenessProbe", "/v2/health/live")]
    public void Probes_AskForHealthOn8000(string probe, string path)
    {
        Assert.Equal(path, Main.Text(probe, "httpGet", "path"));
        Assert.Equal(8000, Main.At(probe, "httpGet", "port")!.GetValue<int>());
        Assert.Equal("{{ if .GlobalConfig.EnableTLS }}HTTPS{{ else }}HTTP{{ end }}", Main.Text(probe, "httpGet", "scheme"));
    }
}
