using System.Text.RegularExpressions;

namespace KServePaged.EndToEnd.Tests.Recordings;

/// <summary>docs/openai-differences.md: where we differ from vLLM's recorded answers on purpose. The first column names records, with *.</summary>
internal sealed partial class KnownDifferences
{
    private readonly List<(string Pattern, Regex Regex)> _patterns = [];
    private readonly HashSet<string> _used = [];

    public KnownDifferences(string markdown)
    {
        foreach (Match row in Row().Matches(markdown))
        {
            foreach (Match pattern in Quoted().Matches(row.Groups["records"].Value))
            {
                string text = pattern.Groups[1].Value;
                _patterns.Add((text, new Regex("^" + Regex.Escape(text).Replace("\\*", ".*", StringComparison.Ordinal) + "$")));
            }
        }
    }

    /// <summary>Patterns for a server that no differing record has matched: the document is stale there.</summary>
    public IEnumerable<string> Stale(string server) =>
        _patterns.Select(entry => entry.Pattern).Where(pattern => pattern.StartsWith(server + "/", StringComparison.Ordinal) && !_used.Contains(pattern));

    public bool Covers(string record)
    {
        string[] matching = [.. _patterns.Where(entry => entry.Regex.IsMatch(record)).Select(entry => entry.Pattern)];
        _used.UnionWith(matching);
        return matching.Length > 0;
    }

    [GeneratedRegex(@"^\| (?<records>`[^|]+) \|", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Quoted();
}
