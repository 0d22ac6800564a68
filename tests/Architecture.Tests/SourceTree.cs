using System.Text.RegularExpressions;

namespace KServePaged.Architecture.Tests;

/// <summary>The checkout that these tests were built from, read as text.</summary>
internal static partial class SourceTree
{
    public static string Root { get; } = FindRoot();

    /// <summary>Files under a folder of the checkout with one of the extensions, build output left out.</summary>
    public static IEnumerable<SourceFile> Files(string folder, params string[] extensions)
    {
        string top = Path.Combine(Root, folder);
        if (!Directory.Exists(top))
        {
            return [];
        }
        return Directory.EnumerateFiles(top, "*", SearchOption.AllDirectories)
            .Where(path => extensions.Contains(Path.GetExtension(path)))
            .Select(path => Path.GetRelativePath(Root, path).Replace('\\', '/'))
            .Where(path => !BuildOutput().IsMatch(path))
            .Order(StringComparer.Ordinal)
            .Select(path => new SourceFile(path, File.ReadAllText(Path.Combine(Root, path))));
    }

    private static string FindRoot()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "KServePaged.sln")))
            {
                return at.FullName;
            }
        }
        throw new InvalidOperationException("The architecture tests run inside a checkout: no KServePaged.sln above the test binary.");
    }

    [GeneratedRegex("(^|/)(bin|obj|artifacts|node_modules)/")]
    private static partial Regex BuildOutput();
}
