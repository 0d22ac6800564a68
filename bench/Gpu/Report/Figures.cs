using System.Text.Json;

namespace KServePaged.Gpu.Report;

/// <summary>Reading a measurement's fields, any of which may be missing.</summary>
internal static class Figures
{
    public static double? Number(this JsonElement figure, string name) =>
        figure.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;

    public static string Text(this JsonElement figure, string name) =>
        figure.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() ?? "" : "";
}
