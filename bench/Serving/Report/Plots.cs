using ScottPlot;

namespace KServePaged.Serving.Report;

/// <summary>PNG files of what changes with the number of streams.</summary>
internal static class Plots
{
    private const int Width = 800;
    private const int Height = 480;

    public static void Save(IReadOnlyList<RunResult> results, string directory)
    {
        var loops = results.Where(result => result is { Error: null, Requests: > 0 } && result.Point.StartsWith("closed-", StringComparison.Ordinal));
        foreach (var group in loops.GroupBy(result => (result.Model, result.Format)))
        {
            string title = $"{group.Key.Model}, {group.Key.Format}";
            string file = Path.Combine(directory, $"{group.Key.Model}-{group.Key.Format}");
            RunResult[] runs = [.. group];
            Save(runs, $"{title}: throughput", "output tokens a second", file + "-throughput.png", ("", run => run.OutputRate));
            Save(runs, $"{title}: share of the roofline", "percent", file + "-roofline.png", ("", run => 100 * run.LimitShare));
            Save(runs, $"{title}: time to first token", "milliseconds", file + "-first-token.png", (" p50", run => run.FirstToken?.P50), (" p99", run => run.FirstToken?.P99));
            Save(runs, $"{title}: time between tokens", "milliseconds", file + "-between-tokens.png", (" p50", run => run.BetweenTokens?.P50), (" p99", run => run.BetweenTokens?.P99));
        }
    }

    private static void Save(RunResult[] runs, string title, string unit, string path, params (string Name, Func<RunResult, double?> Of)[] lines)
    {
        using var plot = new Plot();
        foreach (var server in runs.GroupBy(run => run.Server))
        {
            foreach ((string name, Func<RunResult, double?> of) in lines)
            {
                var points = server.GroupBy(run => run.Streams).OrderBy(streams => streams.Key)
                    .Select(streams => (Streams: (double)streams.Key, Values: streams.Select(of).OfType<double>().ToArray()))
                    .Where(point => point.Values.Length > 0).ToArray();
                var line = plot.Add.Scatter(points.Select(point => point.Streams).ToArray(), points.Select(point => Distribution.Median(point.Values)).ToArray());
                line.LegendText = server.Key + name;
            }
        }
        plot.Title(title);
        plot.XLabel("streams");
        plot.YLabel(unit);
        plot.Axes.AutoScale();
        plot.Axes.SetLimitsY(0, plot.Axes.GetLimits().Top);
        plot.ShowLegend(Alignment.UpperLeft);
        plot.SavePng(path, Width, Height);
    }
}
