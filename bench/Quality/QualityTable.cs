using System.Globalization;
using System.Text;

namespace KServePaged.Quality;

/// <summary>The figures as a markdown table, and its place in a document.</summary>
internal sealed class QualityTable
{
    private const string Begin = "<!-- quality: written by bench/Quality -->\n";
    private const string End = "<!-- quality: end -->";

    private readonly StringBuilder _text = new();

    public void AddModel(string title)
    {
        _text.Append(CultureInfo.InvariantCulture, $"\n**{title}**\n\n");
        _text.Append("| options | KL divergence, mean | 99 % are below | same most likely token | perplexity |\n|---|---|---|---|---|\n");
    }

    public void Add(string options, QualityFigures figures) => _text.Append(
        CultureInfo.InvariantCulture,
        $"| `{options}` | {figures.MeanDivergence:0.00000} | {figures.HighDivergence:0.0000} | {100 * figures.Agreement:0.00} % | {figures.Perplexity:0.000} |\n");

    public void AddRefusal(string options, string why) => _text.Append(CultureInfo.InvariantCulture, $"| `{options}` | refused: {why} | | | |\n");

    /// <summary>Replaces what stands between the marks in a document.</summary>
    public void WriteInto(string path)
    {
        string document = File.ReadAllText(path);
        int begin = document.IndexOf(Begin, StringComparison.Ordinal);
        int end = document.IndexOf(End, StringComparison.Ordinal);
        if (begin < 0 || end < begin)
        {
            throw new InvalidDataException($"{path} has no place for the table: it stands between the lines '{Begin.Trim()}' and '{End}'");
        }
        File.WriteAllText(path, $"{document[..(begin + Begin.Length)]}{_text}\n{document[end..]}");
    }

    public override string ToString() => _text.ToString();
}
