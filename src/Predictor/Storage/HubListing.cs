using System.Text.Json;

namespace KServePaged.Predictor.Storage;

/// <summary>What a repository holds at a revision.</summary>
/// <param name="Commit">The revision's commit, so that everything after comes from the same state.</param>
/// <param name="Names">Paths of its files.</param>
internal sealed record HubListing(string Commit, IReadOnlySet<string> Names)
{
    /// <exception cref="HubException">It is not what the Hub's API answers.</exception>
    public static HubListing Parse(ReadOnlyMemory<byte> json, string source)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            string? commit = document.RootElement.GetProperty("sha").GetString();
            if (commit is null || !IsCommit(commit))
            {
                throw new HubException($"{source} answers with a commit that is none; is HF_ENDPOINT a mirror of the Hub?");
            }
            IEnumerable<string?> names = document.RootElement.GetProperty("siblings").EnumerateArray().Select(sibling => sibling.GetProperty("rfilename").GetString());
            return new HubListing(commit, names.OfType<string>().ToHashSet(StringComparer.Ordinal));
        }
        // InvalidOperationException is how a value of another type is reported.
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new HubException($"{source} answers with something that is no list of files; is HF_ENDPOINT a mirror of the Hub?", e);
        }
    }

    public static bool IsCommit(string text) => text.Length is 40 or 64 && text.All(char.IsAsciiHexDigitLower);
}
