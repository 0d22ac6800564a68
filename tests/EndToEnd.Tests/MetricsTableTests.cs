using System.Text;
using System.Text.RegularExpressions;
using KServePaged.TestSupport;

namespace KServePaged.EndToEnd.Tests;

/// <summary>docs/metrics.md lists what a process exposes: every name with its type, its labels and the words of its HELP line.</summary>
public sealed partial class MetricsTableTests
{
    private const string Head = "| name | type | labels | meaning |\n|---|---|---|---|\n";

    [Fact]
    public async Task Table_IsWhatTheProcessExposes()
    {
        await using ServerProcess server = await ServerProcess.StartAsync("--model_name=tales");
        await MetricsLoad.CompleteAsync(server, 0, 0, TestContext.Current.CancellationToken);
        string table = Table(await server.Http.GetStringAsync("/metrics", TestContext.Current.CancellationToken));

        string path = Path.Combine(Repository.Root, "docs", "metrics.md");
        string document = await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken);
        int begin = document.IndexOf(Head, StringComparison.Ordinal);
        int end = document.IndexOf("\n\n", begin, StringComparison.Ordinal) + 1;
        if (Environment.GetEnvironmentVariable("KSERVEPAGED_WRITE_FIXTURES") == "1")
        {
            await File.WriteAllTextAsync(path, document[..begin] + table + document[end..], TestContext.Current.CancellationToken);
            return;
        }
        Assert.Equal(document[begin..end], table);
    }

    private static string Table(string page)
    {
        string[] lines = page.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Dictionary<string, string> help = lines.Where(line => line.StartsWith("# HELP ", StringComparison.Ordinal))
            .Select(line => line.Split(' ', 4)).ToDictionary(words => words[2], words => words[3]);
        var text = new StringBuilder(Head);
        foreach (string[] words in lines.Where(line => line.StartsWith("# TYPE ", StringComparison.Ordinal)).Select(line => line.Split(' ')))
        {
            (string name, string type) = (words[2], words[3]);
            if (name.StartsWith("vllm_", StringComparison.Ordinal))
            {
                Assert.Contains($"# TYPE {name.Replace("vllm_", "vllm:", StringComparison.Ordinal)} gauge", lines);
                continue;
            }
            IEnumerable<string> labels = lines.Where(line => SampleOf(line) is { } sample && (sample == name || (type == "histogram" && sample == name + "_bucket")))
                .SelectMany(line => Label().Matches(line).Select(match => match.Groups[1].Value)).Distinct().Where(label => label != "le").Order(StringComparer.Ordinal);
            text.Append($"| `{name}` | {type} | {string.Join(", ", labels)} | {help[name]} |\n");
        }
        return text.ToString();
    }

    private static string? SampleOf(string line) => line[0] == '#' ? null : line[..line.IndexOfAny(['{', ' '])];

    [GeneratedRegex("""[{,](\w+)="(?:[^"\\]|\\.)*"(?=[,}])""")]
    private static partial Regex Label();
}
