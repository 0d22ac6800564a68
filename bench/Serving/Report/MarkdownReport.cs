using System.Globalization;
using System.Text;
using KServePaged.Serving.Machine;

namespace KServePaged.Serving.Report;

/// <summary>Results as markdown tables: medians over the rounds, ratios as the median of the rounds' ratios.</summary>
internal sealed class MarkdownReport
{
    private const double Giga = 1e9;
    private const double Gibi = 1 << 30;

    private readonly StringBuilder _text = new();

    public static string Write(IReadOnlyList<RunResult> results)
    {
        var report = new MarkdownReport();
        report.WriteHead(results);
        foreach (var group in results.GroupBy(result => (result.Model, result.Format)))
        {
            report.WriteGroup($"{group.Key.Model}, {group.Key.Format}", [.. group]);
        }
        report.WriteFailures(results);
        return report._text.ToString();
    }

    private void WriteHead(IReadOnlyList<RunResult> results)
    {
        Line($"# Serving{(results.Count > 0 ? $", {results[0].Time:d MMMM yyyy} to {results[^1].Time:d MMMM yyyy}" : "")}");
        foreach (string machine in results.Select(result => result.Machine).Distinct())
        {
            Line($"\nMachine: {machine}.");
        }
        Ceilings[] ceilings = [.. results.Select(result => result.Ceilings).OfType<Ceilings>()];
        double Middle(Func<Ceilings, double> of) => Distribution.Median(ceilings.Select(of)) / Giga;
        if (ceilings.Length > 0)
        {
            Line($"\nCeilings, medians over the runs: reads {Middle(c => c.ReadBytes):0.0} GB/s, fp32 {Middle(c => c.FloatFlops):0}, bf16 {Middle(c => c.Bf16Flops):0}, int8 {Middle(c => c.Int8Ops):0} G operations/s.");
        }
        Line("\nMedians over the rounds; in brackets the lowest and highest. \\* others used the machine meanwhile. Shares of the limit are of runs before and after which memory's rate was the same within a tenth; ≈ where it never was. Times in milliseconds.");
    }

    private void WriteGroup(string title, RunResult[] results)
    {
        Line($"\n## {title}\n");
        var points = results.Where(result => result is { Error: null, Requests: > 0 }).GroupBy(result => result.Point).ToArray();
        if (points.Length > 0)
        {
            WriteTable(points);
        }
        WriteFigures(results);
    }

    private void WriteTable(IEnumerable<IGrouping<string, RunResult>> points)
    {
        Line("| point | server | output tok/s | ours ÷ it | of limit | first token p50 / p99 | per token p50 | between tokens p50 / p90 / p99 | p99 ÷ p50 | end to end p50 / p99 | memory peak / anonymous GiB | client, others: cores |");
        Line("|---|---|---|---|---|---|---|---|---|---|---|---|");
        foreach (var point in points)
        {
            foreach (var server in point.GroupBy(result => result.Server))
            {
                WriteRow(point.Key, [.. server], Ratio(point, server.Key, result => result.OutputRate));
            }
        }
    }

    private void WriteRow(string point, RunResult[] runs, string ratio)
    {
        double[] rates = [.. runs.Select(run => run.OutputRate).Order()];
        string range = runs.Length > 1 ? F($" ({rates[0]:0.0}–{rates[^1]:0.0})") : "";
        string star = runs.Any(run => run.Disturbed) ? "\\*" : "";
        string[] cells =
        [
            point,
            runs[0].Server + star,
            Form(Middle(runs, run => run.OutputRate), "0.0") + range,
            ratio,
            LimitShare(runs),
            Several(runs, "0", run => run.FirstToken?.P50, run => run.FirstToken?.P99),
            Several(runs, "0.0", run => run.PerToken?.P50),
            Several(runs, "0.0", run => run.BetweenTokens?.P50, run => run.BetweenTokens?.P90, run => run.BetweenTokens?.P99),
            Several(runs, "0.0", Unevenness),
            Several(runs, "0", run => run.EndToEnd?.P50, run => run.EndToEnd?.P99),
            Several(runs, "0.00", run => run.PeakMemory / Gibi, run => run.AnonymousMemory / Gibi),
            F($"{Middle(runs, run => run.ClientCores):0.00}, {runs.Max(run => run.ForeignCores):0.00}"),
        ];
        Line($"| {string.Join(" | ", cells)} |");
    }

    private static string LimitShare(RunResult[] runs)
    {
        RunResult[] steady = [.. runs.Where(run => run.HasSteadyLimit)];
        return steady.Length > 0 ? Form(Middle(steady, run => run.LimitShare), "0 %") : Form(Middle(runs, run => run.LimitShare), "≈ 0 %");
    }

    private static string Several(RunResult[] runs, string form, params Func<RunResult, double?>[] figures) =>
        string.Join(" / ", figures.Select(figure => Form(Middle(runs, figure), form)));

    private static string Form(double? value, string form) => value?.ToString(form, CultureInfo.InvariantCulture) ?? "–";

    private void WriteFigures(RunResult[] results)
    {
        (string Point, string Name, Func<RunResult, double?> Of, string Form)[] figures =
        [
            ("prefill", "prompt tokens a second", result => result.PrefillRate, "0"),
            ("prefix", "first token, new prompt of 992 tokens, ms", result => result.FirstToken?.P50, "0.0"),
            ("prefix", "first token, 960 tokens repeated, ms", result => result.RepeatedFirstToken?.P50, "0.0"),
            ("busy", "throughput kept beside a busy loop", result => result.RateKept, "0 %"),
            ("start", "exec to first token, s", result => result.Requests == 0 ? result.StartSeconds : null, "0.00"),
        ];
        string[] servers = [.. results.Select(result => result.Server).Distinct()];
        var rows = (from figure in figures
                    from point in results.Where(result => result.Error is null && result.Point.Split('-')[0] == figure.Point).GroupBy(result => result.Point)
                    select (figure, point)).ToArray();
        if (rows.Length == 0)
        {
            return;
        }
        Line($"\n| point | figure | {string.Join(" | ", servers)} | ours ÷ it |");
        Line($"|---|---|{string.Concat(servers.Select(_ => "---|"))}---|");
        foreach (var (figure, point) in rows)
        {
            string Cell(string server) => Form(Middle(point.Where(run => run.Server == server), figure.Of), figure.Form);
            string other = servers.FirstOrDefault(server => server != Bench.Ours, "");
            Line($"| {point.Key} | {figure.Name} | {string.Join(" | ", servers.Select(Cell))} | {Ratio(point, other, figure.Of)} |");
        }
    }

    private void WriteFailures(IEnumerable<RunResult> results)
    {
        foreach (RunResult result in results.Where(result => result.Error is not null))
        {
            Line($"\n**Failed:** {result.Model}/{result.Format}/{result.Point}, round {result.Round}, {result.Server}:\n\n```\n{result.Error}\n```");
        }
    }

    private static double? Unevenness(RunResult run) => run.BetweenTokens is { P50: > 0 } between ? between.P99 / between.P50 : null;

    private static string Ratio(IEnumerable<RunResult> point, string server, Func<RunResult, double?> of)
    {
        double?[] ratios = [.. from ours in point
                               from other in point
                               where ours.Server == Bench.Ours && other.Server == server && server != Bench.Ours && ours.Round == other.Round
                               select of(ours) / of(other)];
        return Form(Middle(ratios), "0.00");
    }

    private static double? Middle(IEnumerable<RunResult> runs, Func<RunResult, double?> of) => Middle(runs.Select(of));

    private static double? Middle(IEnumerable<double?> values)
    {
        double[] known = [.. values.OfType<double>()];
        return known.Length == 0 ? null : Distribution.Median(known);
    }

    private static string F(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private void Line(FormattableString text) => _text.Append(F(text)).Append('\n');

    private void Line(string text) => _text.Append(text).Append('\n');
}
