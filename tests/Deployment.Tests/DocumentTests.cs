using System.Text.RegularExpressions;
using KServePaged.Deployment.Tests.Manifests;
using KServePaged.Predictor.Configuration;
using KServePaged.TestSupport;

namespace KServePaged.Deployment.Tests;

/// <summary>docs/kserve.md names only what is there, and names every sample.</summary>
public sealed partial class DocumentTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, "docs");

    private static readonly string Text = File.ReadAllText(Path.Combine(Folder, "kserve.md"));

    [Fact]
    public void Links_LeadSomewhere()
    {
        string[] targets = [.. Link().Matches(Text).Select(link => Path.GetFullPath(Path.Combine(Folder, link.Groups[1].Value)))];
        Assert.NotEmpty(targets);
        Assert.All(targets, target => Assert.True(Path.Exists(target), target));
    }

    [Fact]
    public void Commands_NameFilesThatAreThere()
    {
        string[] files = [.. Applied().Matches(Text).Select(command => command.Groups[1].Value)];
        Assert.NotEmpty(files);
        Assert.All(files, file => Assert.True(Path.Exists(Path.Combine(Repository.Root, file)), file));
    }

    [Fact]
    public void Samples_AreAllNamed() => Assert.All(
        KServeFolder.Files("samples"), sample => Assert.Contains(sample.StartsWith("samples/canary-knative/", StringComparison.Ordinal) ? "kserve/" + sample : $"({"../kserve/" + sample})", Text, StringComparison.Ordinal));

    [Fact]
    public void Options_AreTheServers()
    {
        string[] own = ["--for", "--timeout", "--set", "--type"]; // kubectl's and helm's
        string[] options = [.. Option().Matches(Text).Select(option => option.Value).Except(own)];
        Assert.NotEmpty(options);
        Assert.All(options, option => Assert.True(
            CommandLineTable.Options.Any(known => known.Names.Contains(option[2..])) || ForeignOption.All.Any(known => known.Name == option[2..]) || option == "--model_id", option));
    }

    [GeneratedRegex(@"\]\(([^)#]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"(?:-f|-k|install \w+) (kserve/[\w./-]+)")]
    private static partial Regex Applied();

    [GeneratedRegex(@"--[a-z_]+\b")]
    private static partial Regex Option();
}
