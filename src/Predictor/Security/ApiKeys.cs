using System.Security.Cryptography;
using System.Text;

namespace KServePaged.Predictor.Security;

/// <summary>The accepted keys, as digests: comparison takes the same time whatever is presented, and no key stays in memory as text.</summary>
internal sealed class ApiKeys(IEnumerable<string> keys)
{
    private readonly byte[][] _digests = [.. keys.Select(key => SHA256.HashData(Encoding.UTF8.GetBytes(key)))];

    public bool AreRequired => _digests.Length > 0;

    public bool Accept(ReadOnlySpan<char> presented)
    {
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(presented.ToString()), digest);
        bool accepted = false;
        foreach (byte[] known in _digests)
        {
            accepted |= CryptographicOperations.FixedTimeEquals(known, digest); // all of them, so that the position does not show
        }
        return accepted;
    }
}
