using System.Buffers;
using System.IO.Compression;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace KServePaged.Predictor.Transport;

/// <summary>The compressed forms that bodies and gRPC messages may have: gzip, and deflate in its zlib form (RFC 1950).</summary>
internal static class ContentCoding
{
    public const string Identity = "identity";

    public const string Gzip = "gzip";

    public const string Deflate = "deflate";

    // Without it .NET takes a stream that breaks off for one that ends. It is read once, before the first stream.
    static ContentCoding() => AppContext.SetSwitch("System.IO.Compression.UseStrictValidation", true);

    /// <returns>The decompressed bytes; null as soon as they are more than <paramref name="maxBytes"/>.</returns>
    /// <exception cref="InvalidDataException">The bytes are no whole stream of that coding.</exception>
    public static ReadOnlyMemory<byte>? Decompress(string coding, in ReadOnlySequence<byte> bytes, long maxBytes)
    {
        using var input = new MemoryStream(bytes.ToArray());
        using Stream inflater = coding == Gzip ? new GZipStream(input, CompressionMode.Decompress) : new ZLibStream(input, CompressionMode.Decompress);
        var output = new ArrayBufferWriter<byte>();
        while (inflater.Read(output.GetSpan(16 << 10)) is var read and > 0)
        {
            output.Advance(read);
            if (output.WrittenCount > maxBytes)
            {
                return null;
            }
        }
        return output.WrittenMemory;
    }

    public static byte[] Compress(string coding, ReadOnlySpan<byte> bytes)
    {
        using var output = new MemoryStream();
        using (Stream deflater = coding == Gzip
            ? new GZipStream(output, CompressionLevel.Fastest, leaveOpen: true)
            : new ZLibStream(output, CompressionLevel.Fastest, leaveOpen: true))
        {
            deflater.Write(bytes);
        }
        return output.ToArray();
    }

    /// <summary>What an Accept-Encoding header asks for.</summary>
    /// <returns>The named coding of the highest quality, gzip before deflate; null where neither is named: a wildcard is no wish.</returns>
    public static string? Wanted(StringValues acceptEncoding)
    {
        if (acceptEncoding.Count == 0 || !StringWithQualityHeaderValue.TryParseList(acceptEncoding, out IList<StringWithQualityHeaderValue>? named))
        {
            return null;
        }
        double gzip = Quality(named, Gzip);
        double deflate = Quality(named, Deflate);
        return gzip > 0 && gzip >= deflate ? Gzip : deflate > 0 ? Deflate : null;
    }

    private static double Quality(IList<StringWithQualityHeaderValue> named, string coding) =>
        named.Where(entry => entry.Value.Equals(coding, StringComparison.OrdinalIgnoreCase)).Select(entry => entry.Quality ?? 1).DefaultIfEmpty(0).Max();
}
