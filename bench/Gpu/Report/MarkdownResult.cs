using System.Globalization;
using System.Text;
using System.Text.Json;

namespace KServePaged.Gpu.Report;

/// <summary>The result for people: the machine, how each section ended, the bars, then every figure.</summary>
internal sealed class MarkdownResult
{
    private static readonly (string Title, string Field, string Format)[] Kernel =
    [
        ("kernel", "what", ""), ("shape", "shape", ""), ("µs", "us", "0.0"), ("spread", "spread", "0 %"), ("GB/s", "gb_per_s", "0"), ("TFLOP/s", "tflops", "0.0"),
        ("bound by", "bound", ""), ("of the ceiling", "share", "0 %"),
    ];

    private static readonly (string Title, string Field, string Format)[] Engine =
    [
        ("model", "model", ""), ("in", "in", "0"), ("out", "out", "0"), ("streams", "streams", "0"), ("output tok/s", "output_tokens_per_s", "0"),
        ("of the ceiling", "share", "0 %"), ("ms a token", "token_ms", "0.00"), ("least ms a token", "least_token_ms", "0.00"),
        ("ms to the first", "first_token_ms", "0"), ("left out", "skipped", ""),
    ];

    private readonly StringBuilder _text = new();

    public MarkdownResult(IReadOnlyList<(string Name, string Value)> machine, IReadOnlyList<Section> sections)
    {
        Line($"# GPU check\n");
        foreach ((string name, string value) in machine)
        {
            Line($"* {name}: {value}");
        }
        Line($"\n| section | | seconds | |\n|---|---|---|---|");
        foreach (Section section in sections)
        {
            Line($"| {section.Name} | {(section.Status is "passed" or "skipped" ? section.Status : $"**{section.Status}**")} | {section.Seconds:0} | {Cell(section.Reason)} |");
        }
        Line($"\n| bar, for an H200 | measured | |\n|---|---|---|");
        foreach (Bar bar in Bar.Judge(sections))
        {
            Line($"| {bar.Name} | {bar.Measured} | {bar.Verdict} |");
        }
        foreach (Section section in sections.Where(section => section.Figures.Count > 0))
        {
            Line($"\n## {char.ToUpperInvariant(section.Name[0])}{section.Name[1..]}\n");
            Table(section.Figures.Any(figure => figure.Text("model").Length > 0) ? Engine : Kernel, section.Figures);
        }
    }

    public string Text => _text.ToString();

    private void Table((string Title, string Field, string Format)[] columns, IReadOnlyList<JsonElement> figures)
    {
        var used = columns.Where(column => figures.Any(figure => figure.TryGetProperty(column.Field, out _))).ToArray();
        Line($"| {string.Join(" | ", used.Select(column => column.Title))} |\n|{string.Concat(used.Select(_ => "---|"))}");
        foreach (JsonElement figure in figures.Where(figure => used.Length > 0 && figure.TryGetProperty(used[0].Field, out _)))
        {
            Line($"| {string.Join(" | ", used.Select(column => Cell(figure, column.Field, column.Format)))} |");
        }
    }

    private static string Cell(JsonElement figure, string field, string format) => figure.Number(field) is { } number
        ? (format.EndsWith('%') ? number * 100 : number).ToString(format.Replace("%", "'%'", StringComparison.Ordinal), CultureInfo.InvariantCulture)
        : Cell(figure.Text(field));

    private static string Cell(string text) => text.Replace("|", "\\|", StringComparison.Ordinal);

    private void Line(FormattableString text) => _text.Append(text.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
