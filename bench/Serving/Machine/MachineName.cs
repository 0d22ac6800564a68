using System.Globalization;

namespace KServePaged.Serving.Machine;

/// <summary>What the figures were taken on, in a line.</summary>
internal static class MachineName
{
    public static string Describe()
    {
        string model = Field("/proc/cpuinfo", "model name");
        double gigabytes = double.Parse(Field("/proc/meminfo", "MemTotal").Split(' ')[0], CultureInfo.InvariantCulture) / (1 << 20);
        return string.Create(CultureInfo.InvariantCulture, $"{model}, {Environment.ProcessorCount} cores, {gigabytes:0} GiB");
    }

    private static string Field(string file, string name) =>
        File.ReadLines(file).FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal))?.Split(':', 2)[1].Trim() ?? "?";
}
