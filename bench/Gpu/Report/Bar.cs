using System.Globalization;
using System.Text.Json;

namespace KServePaged.Gpu.Report;

/// <summary>What the kernels and the engine are to reach on an H200, and what was measured of it. It decides nothing: speed is no test.</summary>
/// <param name="Measured">The worst figure, or why there is none.</param>
/// <param name="Verdict"><c>reached</c>, <c>missed</c> or <c>not measured</c>.</param>
internal sealed record Bar(string Name, string Measured, string Verdict)
{
    private const string Large = "8B";

    public static IReadOnlyList<Bar> Judge(IReadOnlyList<Section> sections)
    {
        JsonElement[] kernels = FiguresOf("kernel-speed");
        JsonElement[] engine = FiguresOf("engine-speed");
        JsonElement[] peer = FiguresOf("transformers");
        return
        [
            AtLeast("decode attention bf16, context 4096, 16 sequences and more: share ≥ 0.80", 0.80, from figure in kernels
                where figure.Text("what") == "decode attention bf16" && figure.Text("shape") is var shape && shape.EndsWith(" at 4096", StringComparison.Ordinal)
                    && !shape.Contains(", 1 x 1 ", StringComparison.Ordinal) && shape.StartsWith("Llama-3-8B", StringComparison.Ordinal)
                select figure.Number("share")),
            AtLeast("products bf16 of Llama-3-8B with up to 16 rows: share ≥ 0.85", 0.85, from figure in kernels
                where figure.Text("what") == "linear bf16" && figure.Text("shape").StartsWith("Llama-3-8B", StringComparison.Ordinal)
                    && int.TryParse(figure.Text("shape").Split("rows ")[^1], CultureInfo.InvariantCulture, out int rows) && rows <= 16
                select figure.Number("share")),
            AtMost("8B bf16, one stream: ≤ 4.2 ms a token", 4.2, from figure in engine
                where figure.Text("model") == Large && figure.Number("streams") == 1 && figure.Number("in") == 128
                select figure.Number("token_ms")),
            AtLeast("8B bf16, the best number of streams of each shape: share ≥ 0.60", 0.60, from figure in engine
                where figure.Text("model") == Large && figure.Number("share") is not null
                group figure.Number("share") by (figure.Number("in"), figure.Number("out")) into shape
                select shape.Max()),
            AtLeast("8B bf16, 64 streams: transformers' continuous batching × 3", 3, from other in peer
                from figure in engine
                where figure.Text("model") == Large && figure.Number("streams") == 64 && other.Number("streams") == 64
                    && figure.Number("in") == other.Number("in") && figure.Number("out") == other.Number("out")
                select figure.Number("output_tokens_per_s") / other.Number("output_tokens_per_s")),
        ];

        JsonElement[] FiguresOf(string name) => [.. sections.Where(section => section.Name == name).SelectMany(section => section.Figures)];
    }

    private static Bar AtLeast(string name, double bar, IEnumerable<double?> values) => Of(name, values.Min(), value => value >= bar);

    private static Bar AtMost(string name, double bar, IEnumerable<double?> values) => Of(name, values.Max(), value => value <= bar);

    private static Bar Of(string name, double? worst, Func<double, bool> reached) => worst is { } value
        ? new Bar(name, value.ToString("0.###", CultureInfo.InvariantCulture), reached(value) ? "reached" : "missed")
        : new Bar(name, "", "not measured");
}
