using System.Text.Json;

namespace KServePaged.Gpu.Report;

/// <summary>Makes one file for programs and one for people of what eng/gpu/check left in a folder.</summary>
internal static class ResultWriter
{
    public static void Write(string folder)
    {
        IReadOnlyList<(string Name, string Value)> machine = ReadMachine(Path.Combine(folder, "machine"));
        IReadOnlyList<Section> sections = Section.Read(folder);
        File.WriteAllText(Path.Combine(folder, "result.md"), new MarkdownResult(machine, sections).Text);
        using FileStream file = File.Create(Path.Combine(folder, "result.json"));
        using var json = new Utf8JsonWriter(file, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        foreach ((string name, string value) in machine)
        {
            json.WriteString(name, value);
        }
        json.WriteStartArray("bars");
        foreach (Bar bar in Bar.Judge(sections))
        {
            json.WriteStartObject();
            json.WriteString("name", bar.Name);
            json.WriteString("measured", bar.Measured);
            json.WriteString("verdict", bar.Verdict);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartArray("sections");
        foreach (Section section in sections)
        {
            json.WriteStartObject();
            json.WriteString("name", section.Name);
            json.WriteString("status", section.Status);
            json.WriteNumber("seconds", section.Seconds);
            json.WriteString("reason", section.Reason);
            json.WriteStartArray("figures");
            foreach (JsonElement figure in section.Figures)
            {
                figure.WriteTo(json);
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    // name=value lines.
    private static List<(string Name, string Value)> ReadMachine(string path) =>
        [.. File.ReadAllLines(path).Select(line => line.Split('=', 2)).Where(parts => parts.Length == 2).Select(parts => (parts[0], parts[1]))];
}
