namespace KServePaged.TestSupport;

/// <summary>
/// The reference data that lies beside a checkout (<c>../shared/data</c>, or where <c>KSERVEPAGED_SHARED</c> points).
/// It is read in place and never copied; a test that needs it skips, saying so, where it is absent.
/// </summary>
internal static class SharedData
{
    private static readonly Lazy<string?> Root = new(Find);

    public static bool IsPresent => Root.Value is not null;

    /// <summary>Whether a file or folder is there, for what is read before a test can skip.</summary>
    public static bool Has(string relative) => Root.Value is { } root && Path.Exists(Path.Combine(root, relative));

    /// <summary>Full path of a file or folder below shared/data; skips the calling test when it is not there.</summary>
    public static string PathOf(string relative)
    {
        string? path = Root.Value is null ? null : Path.Combine(Root.Value, relative);
        if (path is null || !(File.Exists(path) || Directory.Exists(path)))
        {
            Assert.Skip($"reference data '{relative}' is not beside this checkout (set KSERVEPAGED_SHARED)");
        }
        return path!; // Assert.Skip throws
    }

    private static string? Find()
    {
        string? set = Environment.GetEnvironmentVariable("KSERVEPAGED_SHARED");
        if (!string.IsNullOrEmpty(set))
        {
            return Path.Combine(set, "data");
        }
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            string candidate = Path.Combine(at.FullName, "shared", "data");
            if (Directory.Exists(candidate))
            {
                return candidate;
            }
        }
        return null;
    }
}
