namespace KServePaged.Predictor.Configuration;

/// <summary>A model on the Hub at one revision.</summary>
/// <param name="Id"><c>ORG/NAME</c>, or the bare name that the Hub's first models have.</param>
/// <param name="Revision">Branch, tag or commit.</param>
internal sealed record HubReference(string Id, string Revision)
{
    public const string DefaultRevision = "main";

    /// <summary>Whether the Hub could have a model of that name. What passes can be a part of a path and of an address as it stands.</summary>
    public static bool IsId(string text) => text.Split('/') is { Length: 1 or 2 } parts && parts.All(IsName);

    /// <summary>As <see cref="IsId"/>, for branches (<c>refs/pr/1</c>), tags and commits.</summary>
    public static bool IsRevision(string text) => text.Length <= 255 && text.Split('/').All(IsName);

    private static bool IsName(string part) =>
        part.Length is > 0 and <= 96 && part[0] is not ('.' or '-') && part[^1] is not '.'
        && part.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-')
        && !part.Contains("..", StringComparison.Ordinal) && !part.Contains("--", StringComparison.Ordinal);
}
