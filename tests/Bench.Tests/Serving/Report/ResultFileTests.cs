using KServePaged.Serving;
using KServePaged.Serving.Machine;
using KServePaged.Serving.Report;

namespace KServePaged.Bench.Tests.Serving.Report;

public sealed class ResultFileTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void Read_GivesTheLastResultOfEachRun()
    {
        var file = new ResultFile(_path);
        RunResult disturbed = Result("ours", round: 1) with { Disturbed = true, OutputRate = 10 };
        RunResult again = Result("ours", round: 1) with { OutputRate = 20, FirstToken = new Distribution(1, 2, 3, 4, 5) };
        RunResult other = Result("ours", round: 2) with { Error = "gone" };
        file.Append(disturbed);
        file.Append(other);
        file.Append(again);
        Assert.Equal([again, other], file.Read());
    }

    [Fact]
    public void Read_WhenALineIsBroken_NamesIt()
    {
        File.WriteAllText(_path, "{\"model\": 3}\n");
        Assert.Contains("line 1", Assert.Throws<BenchException>(() => new ResultFile(_path).Read()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Report_PairsRoundsAndTakesTheMedian()
    {
        RunResult[] results =
        [
            Result("ours", 1) with { OutputRate = 200 }, Result("peer", 1) with { OutputRate = 100 },
            Result("ours", 2) with { OutputRate = 90 }, Result("peer", 2) with { OutputRate = 30 },
            Result("ours", 3) with { OutputRate = 500 }, Result("peer", 3) with { OutputRate = 500 },
        ];
        string report = MarkdownReport.Write(results);
        Assert.Contains("| closed-8 | ours | 200.0 (90.0–500.0) | – |", report, StringComparison.Ordinal);
        Assert.Contains("| closed-8 | peer | 100.0 (30.0–500.0) | 2.00 |", report, StringComparison.Ordinal);
    }

    [Fact]
    public void Report_TakesShareOfTheLimitFromRunsWithASteadyOne()
    {
        RunResult steady = Result("ours", 1) with { LimitShare = 0.9, ReadDrift = 0.1 };
        RunResult unsteady = Result("ours", 2) with { LimitShare = 0.5, ReadDrift = 0.11 };
        Assert.Contains("| 90 % |", MarkdownReport.Write([steady, unsteady]), StringComparison.Ordinal);
        Assert.Contains("| ≈ 50 % |", MarkdownReport.Write([unsteady]), StringComparison.Ordinal);
    }

    [Fact]
    public void Report_ShowsFailures() =>
        Assert.Contains("small/bf16/closed-8, round 1, peer:\n\n```\nended with code 139", MarkdownReport.Write([Result("peer", 1) with { Error = "ended with code 139" }]), StringComparison.Ordinal);

    private static RunResult Result(string server, int round) => new()
    {
        Model = "small",
        Format = "bf16",
        Point = "closed-8",
        Streams = 8,
        Server = server,
        Round = round,
        Requests = 3,
        Time = new DateTimeOffset(2026, 11, 26, 1, 2, 3, TimeSpan.Zero),
        Machine = "two cores",
        Command = "serve",
        Ceilings = new Ceilings(1e9, 2e9, 3e9, 4e9),
    };
}
