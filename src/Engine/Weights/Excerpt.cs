namespace KServePaged.Engine.Weights;

/// <summary>Text from a file as it may stand in a message: a hostile name must not become a megabyte of log.</summary>
internal static class Excerpt
{
    private const int MaxLength = 160;

    public static string Of(string text) => text.Length <= MaxLength ? text : string.Concat(text.AsSpan(0, MaxLength), "…");

    /// <summary>The first few names and how many more there are.</summary>
    public static string Of(IReadOnlyCollection<string> names)
    {
        const int Shown = 6;
        string list = string.Join(", ", names.Take(Shown).Select(Of));
        return names.Count <= Shown ? list : $"{list} and {names.Count - Shown} more";
    }
}
