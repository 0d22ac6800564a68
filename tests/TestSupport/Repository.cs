namespace KServePaged.TestSupport;

internal static class Repository
{
    /// <summary>The checkout these tests were built from.</summary>
    public static string Root { get; } = Find();

    private static string Find()
    {
        DirectoryInfo? at = new(AppContext.BaseDirectory);
        while (at is not null && !File.Exists(Path.Combine(at.FullName, "KServePaged.sln")))
        {
            at = at.Parent;
        }
        return at?.FullName ?? throw new InvalidOperationException("no KServePaged.sln above the test binary");
    }
}
