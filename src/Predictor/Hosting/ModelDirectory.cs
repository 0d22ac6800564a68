using System.Globalization;

namespace KServePaged.Predictor.Hosting;

/// <summary>What can be told about models from their directories, before anything of them is read.</summary>
internal static class ModelDirectory
{
    private const string Config = "config.json";

    /// <summary>
    /// The models below a repository: each directory with a config.json by its name, and <c>org/name</c> where it lies one level deeper.
    /// In the order of their names.
    /// </summary>
    public static IReadOnlyList<(string Name, string Path)> Scan(string repository)
    {
        var found = new List<(string Name, string Path)>();
        foreach (string directory in Directories(repository))
        {
            string name = Path.GetFileName(directory);
            if (IsModel(directory))
            {
                found.Add((name, directory));
                continue;
            }
            found.AddRange(Directories(directory).Where(IsModel).Select(nested => ($"{name}/{Path.GetFileName(nested)}", nested)));
        }
        return [.. found.OrderBy(model => model.Name, StringComparer.Ordinal)];
    }

    /// <summary>Bytes of its weight files.</summary>
    public static long WeightBytes(string path) =>
        Directory.Exists(path) ? Files(path).Where(file => file.Extension == ".safetensors").Sum(file => file.Length) : 0;

    /// <summary>Changes with every file that is added, removed, rewritten or replaced behind a link.</summary>
    public static string Stamp(string path) => Directory.Exists(path)
        ? string.Join('\n', Files(path).OrderBy(file => file.Name, StringComparer.Ordinal).Select(file => string.Create(
            CultureInfo.InvariantCulture, $"{file.Name} {file.Length} {file.LastWriteTimeUtc.Ticks}")))
        : "";

    private static bool IsModel(string directory) => File.Exists(Path.Combine(directory, Config));

    // Dot names are Kubernetes' and tools' own: ..data, .cache, .git.
    private static IEnumerable<string> Directories(string parent) => Directory.Exists(parent)
        ? Directory.EnumerateDirectories(parent).Where(directory => !Path.GetFileName(directory).StartsWith('.'))
        : [];

    private static IEnumerable<FileInfo> Files(string path) => new DirectoryInfo(path).EnumerateFiles().Select(Resolve);

    private static FileInfo Resolve(FileInfo file) => file.ResolveLinkTarget(returnFinalTarget: true) is FileInfo { Exists: true } target ? target : file;
}
