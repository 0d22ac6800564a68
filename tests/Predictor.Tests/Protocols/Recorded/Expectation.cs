namespace KServePaged.Predictor.Tests.Protocols.Recorded;

/// <summary>A rule about recorded requests: how they are answered, and why.</summary>
/// <param name="Status">HTTP status, or gRPC status code.</param>
/// <param name="Error">What the error's text must hold, or with a leading ! must not hold; null = nothing in particular.</param>
/// <param name="Because">For whoever reads the table.</param>
/// <param name="Cases">Names of records; a * at the end stands for any rest.</param>
internal sealed record Expectation(int Status, string? Error, string Because, params string[] Cases)
{
    private readonly HashSet<string> _used = [];

    /// <summary>The first rule that names the case.</summary>
    public static Expectation For(IEnumerable<Expectation> rules, string name)
    {
        foreach (Expectation rule in rules)
        {
            if (rule.Cases.FirstOrDefault(pattern => Matches(pattern, name)) is { } used)
            {
                rule._used.Add(used);
                return rule;
            }
        }
        throw new InvalidOperationException($"no rule says how '{name}' is answered");
    }

    /// <summary>A rule whose record is gone, or that another one hides, says something untrue.</summary>
    public static void RequireAllUsed(IEnumerable<Expectation> rules) =>
        Assert.Empty(rules.SelectMany(rule => rule.Cases.Where(pattern => !rule._used.Contains(pattern))));

    public void Check(string name, int status, string answer)
    {
        Assert.True(status == Status, $"{name}: {status}, not {Status} ({Because}): {answer}");
        if (Error is not null)
        {
            bool unwanted = Error.StartsWith('!');
            Assert.True(unwanted != answer.Contains(Error.TrimStart('!'), StringComparison.Ordinal), $"{name} ({Because}): {answer}");
        }
    }

    private static bool Matches(string pattern, string name) =>
        pattern.EndsWith('*') ? name.StartsWith(pattern[..^1], StringComparison.Ordinal) : name == pattern;
}
