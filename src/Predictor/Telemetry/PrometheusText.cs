using System.Globalization;
using System.Text;

namespace KServePaged.Predictor.Telemetry;

/// <summary>The text exposition format, version 0.0.4: one HELP and TYPE a name, samples of a name side by side.</summary>
internal static class PrometheusText
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    public static string Write(IReadOnlyList<MetricFamily> families)
    {
        var text = new StringBuilder();
        Write(text, families, name => name);
        // Gauges once more for scalers that take no colon in a name.
        Write(text, [.. families.Where(family => family.Kind == MetricKind.Gauge && family.Name.Contains(':'))], name => name.Replace(':', '_'));
        return text.ToString();
    }

    private static void Write(StringBuilder text, IReadOnlyList<MetricFamily> families, Func<string, string> spell)
    {
        string? previous = null;
        foreach (MetricFamily family in families)
        {
            string name = spell(family.Kind == MetricKind.Counter && !family.Name.EndsWith("_total", StringComparison.Ordinal)
                ? family.Name + "_total"
                : family.Name);
            if (name != previous)
            {
                text.Append("# HELP ").Append(name).Append(' ').Append(family.Description.Replace("\\", "\\\\").Replace("\n", "\\n")).Append('\n');
                text.Append("# TYPE ").Append(name).Append(' ').Append(TypeName(family.Kind)).Append('\n');
                previous = name;
            }
            foreach (MetricSeries series in family.Series.OrderBy(series => series.Labels, StringComparer.Ordinal))
            {
                if (family.Kind == MetricKind.Histogram)
                {
                    WriteHistogram(text, name, series);
                }
                else
                {
                    WriteSample(text, name, series.Labels, series.Read([]).Value);
                }
            }
        }
    }

    private static void WriteHistogram(StringBuilder text, string name, MetricSeries series)
    {
        Span<long> cumulative = stackalloc long[series.Bounds.Count + 1];
        (double sum, long count) = series.Read(cumulative);
        for (int i = 0; i < cumulative.Length; i++)
        {
            text.Append(name).Append("_bucket{").Append(series.Labels).Append(series.Labels.Length == 0 ? "le=\"" : ",le=\"");
            AppendNumber(text, i < series.Bounds.Count ? series.Bounds[i] : double.PositiveInfinity);
            text.Append("\"} ").Append(cumulative[i]).Append('\n');
        }
        WriteSample(text, name + "_sum", series.Labels, sum);
        WriteSample(text, name + "_count", series.Labels, count);
    }

    private static void WriteSample(StringBuilder text, string name, string labels, double value)
    {
        text.Append(name);
        if (labels.Length > 0)
        {
            text.Append('{').Append(labels).Append('}');
        }
        text.Append(' ');
        AppendNumber(text, value);
        text.Append('\n');
    }

    private static string TypeName(MetricKind kind) => kind switch
    {
        MetricKind.Counter => "counter",
        MetricKind.Gauge => "gauge",
        MetricKind.Histogram => "histogram",
        _ => throw new InvalidOperationException($"{kind} has no name in the format."),
    };

    private static void AppendNumber(StringBuilder text, double value)
    {
        if (double.IsInfinity(value))
        {
            text.Append(value > 0 ? "+Inf" : "-Inf");
            return;
        }
        text.Append(CultureInfo.InvariantCulture, $"{value:R}"); // the shortest text that reads back as the same number
    }
}
