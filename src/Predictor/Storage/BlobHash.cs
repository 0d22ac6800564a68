using System.Security.Cryptography;
using System.Text;

namespace KServePaged.Predictor.Storage;

/// <summary>The checksum of a file that its ETag tells, computed while the file arrives.</summary>
internal sealed class BlobHash : IDisposable
{
    private readonly string _expected;
    private readonly List<IncrementalHash> _hashes = [];

    public BlobHash(HubFile file)
    {
        _expected = file.Etag;
        if (!file.HasChecksum)
        {
            return;
        }
        if (_expected.Length == 64)
        {
            _hashes.Add(IncrementalHash.CreateHash(HashAlgorithmName.SHA256));
            return;
        }
        // Git hashes a header before the content; mirrors that keep files by SHA-1 do not.
        _hashes.Add(IncrementalHash.CreateHash(HashAlgorithmName.SHA1));
        _hashes.Add(IncrementalHash.CreateHash(HashAlgorithmName.SHA1));
        _hashes[0].AppendData(Encoding.ASCII.GetBytes(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"blob {file.Size}\0")));
    }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        foreach (IncrementalHash hash in _hashes)
        {
            hash.AppendData(bytes);
        }
    }

    /// <summary>Whether what was appended is the file; also where no checksum is known. To be asked once.</summary>
    public bool Matches() => _hashes.Count == 0 || _hashes.Any(hash => Convert.ToHexStringLower(hash.GetHashAndReset()) == _expected);

    public void Dispose() => _hashes.ForEach(hash => hash.Dispose());
}
