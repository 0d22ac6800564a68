using System.Globalization;
using System.Text.Json;

namespace KServePaged.Gpu.Report;

/// <summary>A section of eng/gpu/check: how it ended, and what it measured.</summary>
/// <param name="Status"><c>passed</c>, <c>failed</c>, <c>timed out</c> or <c>skipped</c>.</param>
/// <param name="Reason">Why it did not pass, or what of it was left out; may be empty.</param>
/// <param name="Figures">One object a measurement.</param>
internal sealed record Section(string Name, string Status, double Seconds, string Reason, IReadOnlyList<JsonElement> Figures)
{
    /// <summary>Reads <c>sections</c>: a line each, name, status, seconds and reason between tabs; figures are in NAME.jsonl beside it.</summary>
    /// <exception cref="InvalidDataException">A file is not what check writes.</exception>
    public static IReadOnlyList<Section> Read(string folder)
    {
        var sections = new List<Section>();
        foreach (string line in File.ReadAllLines(Path.Combine(folder, "sections")))
        {
            string[] fields = line.Split('\t');
            if (fields.Length != 4 || !double.TryParse(fields[2], CultureInfo.InvariantCulture, out double seconds))
            {
                throw new InvalidDataException($"sections: '{line}' is not name, status, seconds and reason");
            }
            sections.Add(new Section(fields[0], fields[1], seconds, fields[3], ReadFigures(Path.Combine(folder, fields[0] + ".jsonl"))));
        }
        return sections;
    }

    // A section that was cut off may have left half a line.
    private static List<JsonElement> ReadFigures(string path)
    {
        var figures = new List<JsonElement>();
        foreach (string line in File.Exists(path) ? File.ReadAllLines(path) : [])
        {
            if (line.StartsWith('{') && line.EndsWith('}'))
            {
                using JsonDocument document = JsonDocument.Parse(line);
                figures.Add(document.RootElement.Clone());
            }
        }
        return figures;
    }
}
