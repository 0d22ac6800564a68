using System.Text.RegularExpressions;

namespace KServePaged.Architecture.Tests;

/// <summary>Rules of the house that a reviewer would otherwise have to remember.</summary>
public sealed partial class HouseRulesTests
{
    private static IEnumerable<SourceFile> Managed => SourceTree.Files("src", ".cs");

    private static IEnumerable<SourceFile> Native => SourceTree.Files("native", ".cpp", ".cu", ".h", ".cuh");

    /// <summary>Above 500 lines a file has two nouns, or its first comment says why not ("long because …").</summary>
    [Fact]
    public void Files_StayOneNoun() => Assert.Empty(
        Managed.Concat(Native).Concat(SourceTree.Files("tests", ".cs"))
            .Where(file => file.LineCount > 500 && !file.Text[..Math.Min(file.Text.Length, 600)].Contains("long because"))
            .Select(file => $"{file}: {file.LineCount} lines"));

    [Fact]
    public void Unsafe_OnlyWhereMemoryIsMapped()
    {
        string[] folders = ["src/Engine/Kernels/", "src/Engine/Weights/", "src/Engine/Execution/", "src/Engine/Sampling/"];
        Assert.Empty(Managed.Where(file => Regex.IsMatch(file.Code, @"\bunsafe\b") && !folders.Any(file.Path.StartsWith)).Select(f => f.Path));
    }

    [Fact]
    public void Environment_IsReadInConfigurationOnly() => Assert.Empty(
        Managed.Where(file => file.Code.Contains("GetEnvironmentVariable") && !file.Path.StartsWith("src/Predictor/Configuration/", StringComparison.Ordinal))
            .Select(f => f.Path));

    [Fact]
    public void Tests_NeverSleep() => Assert.Empty(
        SourceTree.Files("tests", ".cs").Where(file => Regex.IsMatch(file.Code, @"\bThread\.Sleep\b")).Select(f => f.Path));

    [Fact]
    public void Tests_AreNeverSwitchedOff() => Assert.Empty(
        SourceTree.Files("tests", ".cs").Where(file => Regex.IsMatch(file.Code, @"\bSkip\s*=")).Select(f => f.Path));

    [Fact]
    public void Catch_IsNeverEmpty() => Assert.Empty(
        Managed.Where(file => EmptyCatch().IsMatch(file.Code)).Select(f => f.Path));

    [Fact]
    public void Native_KnowsNoNameOfTheEngine() => Assert.Empty(
        Native.Where(file => Regex.IsMatch(file.Code, @"Scheduler|Sequence[A-Z]|KServePaged|dotnet", RegexOptions.None)).Select(f => f.Path));

    [Fact]
    public void Code_IsFinished() => Assert.Empty(
        from file in Managed.Concat(Native)
        from word in new[] { "NotImplementedException", "TODO", "FIXME" }
        where file.Text.Contains(word, StringComparison.Ordinal)
        select $"{file}: {word}");

    [GeneratedRegex(@"catch\s*(\([^)]*\))?\s*(when\s*\([^)]*\))?\s*\{\s*\}")]
    private static partial Regex EmptyCatch();
}
