using System.Globalization;

namespace KServePaged.Gpu.Engine;

/// <summary>What the engine's benchmark is asked for.</summary>
/// <param name="Seconds">For all models together; what would not end in time is left out, and said.</param>
/// <param name="Ceilings">Of the device; null: unknown.</param>
/// <param name="Work">Where checkpoints are made, one at a time; empty: in memory if they have room there, else in the folder for temporary files.</param>
internal sealed record EngineBenchOptions(
    string Device, IReadOnlyList<ModelShape> Models, IReadOnlyList<int> Streams, double Seconds, Ceilings? Ceilings, string Work)
{
    public static EngineBenchOptions Parse(IReadOnlyList<string> arguments)
    {
        var given = new Dictionary<string, string>
        {
            ["device"] = "cuda",
            ["models"] = "8B,1B,0.6B",
            ["streams"] = "1,8,64,256",
            ["seconds"] = "600",
            ["copy"] = "0",
            ["products"] = "0",
            ["work"] = "",
        };
        foreach (string argument in arguments)
        {
            string[] parts = argument.Split('=', 2);
            given[given.ContainsKey(parts[0]) && parts.Length == 2 ? parts[0] : throw new UsageException($"'{argument}' is no option")] = parts[1];
        }
        double copy = Number("copy");
        double products = Number("products");
        return new EngineBenchOptions(
            given["device"],
            [.. given["models"].Split(',').Select(ModelShape.Named)],
            [.. given["streams"].Split(',').Select(text => int.TryParse(text, CultureInfo.InvariantCulture, out int count) && count > 0 ? count : throw new UsageException($"streams: '{text}' is no count"))],
            Number("seconds"),
            copy > 0 && products > 0 ? new Ceilings(copy * 1e9, products * 1e12) : null,
            given["work"]);

        double Number(string name) => double.TryParse(given[name], CultureInfo.InvariantCulture, out double value) && value >= 0
            ? value
            : throw new UsageException($"{name}: '{given[name]}' is no number");
    }
}
