using System.Security.Cryptography;
using System.Text;

namespace KServePaged.Predictor.Storage;

/// <summary>One file of a model at a commit, as its server describes it.</summary>
/// <param name="Name">Its path in the repository.</param>
/// <param name="Etag">Without quotes: the SHA-256 of a large file, git's SHA-1 of another; a mirror may tell something else.</param>
/// <param name="Size">In bytes.</param>
internal sealed record HubFile(string Name, string Commit, string Etag, long Size)
{
    /// <summary>Its name among the blobs of the cache. An ETag that is no plain name becomes one: it comes from the network.</summary>
    public string BlobName => Etag.Length <= 128 && Etag.All(char.IsAsciiLetterOrDigit)
        ? Etag
        : Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Etag)));

    public bool HasChecksum => Etag.Length is 40 or 64 && Etag.All(char.IsAsciiHexDigitLower);
}
