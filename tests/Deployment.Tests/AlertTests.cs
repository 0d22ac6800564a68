using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using KServePaged.Deployment.Tests.Manifests;

namespace KServePaged.Deployment.Tests;

/// <summary>kserve/alerts: both forms say the same, promtool takes them, and each alert is seen silent and firing. Its expressions meet real data in EndToEnd.Tests.</summary>
public sealed class AlertTests
{
    private const string Rules = "alerts/kservepaged.rules.yaml";
    private const string UnitTests = "alerts/tests/kservepaged_test.yaml";

    private static JsonArray Groups => (JsonArray)KServeFolder.Read(Rules)[0]["groups"]!; // a rule file without groups throws

    private static IEnumerable<JsonNode> Alerts => Groups.SelectMany(group => (JsonArray)group!["rules"]!).Where(rule => rule!["alert"] is not null)!; // as above

    [Fact]
    public void PrometheusRule_HasTheGroupsOfTheRuleFile() =>
        Assert.Equal(Groups.ToJsonString(), KServeFolder.Read("alerts/prometheusrule.yaml")[0]["spec"]!["groups"]!.ToJsonString());

    [Fact]
    public void EveryAlert_SaysWhatItMeansAndWhatToDo() => Assert.All(Alerts, alert =>
    {
        Assert.Contains(alert["labels"]!["severity"]!.GetValue<string>(), (string[])["warning", "critical"]);
        Assert.EndsWith(".", alert["annotations"]!["summary"]!.GetValue<string>(), StringComparison.Ordinal);
        Assert.InRange(alert["annotations"]!["description"]!.GetValue<string>().Length, 80, 400);
    });

    [Fact]
    public void EveryAlert_FiresInAUnitTest()
    {
        string tests = KServeFolder.Text(UnitTests);
        Assert.All(Alerts, alert => Assert.Contains($"ALERTS{{alertname=\"{alert["alert"]}\", alertstate=\"firing\"", tests, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("check", "rules", Rules)]
    [InlineData("test", "rules", UnitTests)]
    public async Task Promtool_IsContent(string verb, string what, string file)
    {
        (int code, string said) = await PromtoolAsync(verb, what, Path.Combine(KServeFolder.Path, file));
        Assert.True(code == 0, said);
    }

    /// <summary>A threshold that never fires fails the unit tests: without that, their silence would prove nothing.</summary>
    [Fact]
    public async Task Promtool_WhenAThresholdIsOutOfReach_IsNot()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("kservepaged-alerts");
        try
        {
            Directory.CreateDirectory(Path.Combine(folder.FullName, "tests"));
            string rules = KServeFolder.Text(Rules);
            string blunt = rules.Replace("kservepaged_queue_longest_wait_seconds > 60", "kservepaged_queue_longest_wait_seconds > 60000", StringComparison.Ordinal);
            Assert.NotEqual(rules, blunt);
            await File.WriteAllTextAsync(Path.Combine(folder.FullName, "kservepaged.rules.yaml"), blunt, TestContext.Current.CancellationToken);
            string tests = Path.Combine(folder.FullName, "tests", "kservepaged_test.yaml");
            await File.WriteAllTextAsync(tests, KServeFolder.Text(UnitTests), TestContext.Current.CancellationToken);
            (int code, string said) = await PromtoolAsync("test", "rules", tests);
            Assert.Equal(1, code);
            Assert.Contains("KServePagedRequestsStarving", said, StringComparison.Ordinal);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void Dashboard_NamesEveryPanelOnce()
    {
        using JsonDocument dashboard = JsonDocument.Parse(KServeFolder.Text("dashboards/kservepaged.json"));
        JsonElement[] panels = [.. dashboard.RootElement.GetProperty("panels").EnumerateArray()];
        Assert.Equal(panels.Length, panels.Select(panel => panel.GetProperty("id").GetInt32()).Distinct().Count());
        Assert.Equal(panels.Length, panels.Select(panel => panel.GetProperty("title").GetString()).Distinct().Count());
    }

    private static async Task<(int Code, string Said)> PromtoolAsync(params string[] arguments)
    {
        const string Tool = "/usr/bin/promtool";
        Assert.SkipWhen(!File.Exists(Tool), "promtool is not installed: apt-get install prometheus");
        using Process process = Process.Start(new ProcessStartInfo(Tool, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!; // a new process
        Task<string> errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        string output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, output + await errors);
    }
}
