using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using KServePaged.Deployment.Tests.Manifests;
using KServePaged.Deployment.Tests.Schemas;

namespace KServePaged.Deployment.Tests;

/// <summary>Each overlay, built by the kustomize within kubectl.</summary>
public sealed partial class KustomizeTests
{
    public static TheoryData<string> Overlays => [.. Directory.EnumerateDirectories(Path.Combine(KServeFolder.Path, "overlays")).Select(folder => Path.GetFileName(folder))];

    [Theory]
    [MemberData(nameof(Overlays))]
    public async Task Overlay_WhenBuilt_IsValid(string overlay)
    {
        KnownKinds.Need();
        List<JsonObject> objects = await BuildAsync(overlay);

        Assert.NotEmpty(objects);
        Assert.All(objects, manifest => Assert.Empty(KnownKinds.Validate(manifest)));
        Assert.All(objects, manifest => Assert.Equal("kservepaged", manifest.At("metadata", "labels").Text("app.kubernetes.io/name")));
    }

    [Theory]
    [InlineData("cluster", "ClusterServingRuntime/kservepaged, ClusterServingRuntime/kservepaged-gpu, ClusterStorageContainer/kservepaged-storage")]
    [InlineData("cpu", "ClusterServingRuntime/kservepaged, ClusterStorageContainer/kservepaged-storage")]
    [InlineData("gpu", "ClusterServingRuntime/kservepaged-gpu, ClusterStorageContainer/kservepaged-storage")]
    [InlineData("namespaced", "PodMonitor/kservepaged, PodMonitor/kservepaged-llm, ServingRuntime/kservepaged, ServingRuntime/kservepaged-gpu")]
    [InlineData("llm", "LLMInferenceServiceConfig/kservepaged")]
    public async Task Overlay_WhenBuilt_HasWhatItsNameSays(string overlay, string expected) =>
        Assert.Equal(expected, string.Join(", ", (await BuildAsync(overlay)).Select(manifest => $"{manifest.Kind()}/{manifest.Name()}").Order(StringComparer.Ordinal)));

    [Fact]
    public void Kustomizations_AreValid() => Assert.All(
        Directory.EnumerateFiles(KServeFolder.Path, "kustomization.yaml", SearchOption.AllDirectories), file =>
        {
            JsonObject kustomization = YamlText.Single(File.ReadAllText(file));
            kustomization["metadata"] = new JsonObject { ["name"] = "none" }; // kustomize's own kind has none
            Assert.Empty(KnownKinds.Validate(kustomization));
        });

    private static async Task<List<JsonObject>> BuildAsync(string overlay)
    {
        if (await RunAsync("version", "--client") is not { } version || !Kustomize5().IsMatch(version))
        {
            Assert.Skip("kubectl with kustomize 5 or later is not installed");
        }
        string built = await RunAsync("kustomize", Path.Combine(KServeFolder.Path, "overlays", overlay)) ?? throw new InvalidOperationException("kubectl is gone");
        return [.. YamlText.Documents(built).Cast<JsonObject>()];
    }

    /// <returns>What it printed, or null where there is no kubectl.</returns>
    private static async Task<string?> RunAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo("kubectl", arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (Win32Exception)
        {
            return null;
        }
        using (process)
        {
            Task<string> errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            string output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.True(process.ExitCode == 0, await errors);
            return output;
        }
    }

    [GeneratedRegex("Kustomize Version: v([5-9]|[1-9][0-9])")]
    private static partial Regex Kustomize5();
}
