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
        try
        {
            return ReadToEnd(inflater, maxBytes);
        }
        catch (IOException e)
        {
            // Not of a lost connection, for which callers take it: a stream that asks for a dictionary ends so, for one.
            throw new InvalidDataException(e.Message, e);
        }
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

    private static ReadOnlyMemory<byte>? ReadToEnd(Stream inflater, long maxBytes)
    {
        var output = new ArrayBufferWriter<byte>();
        while (true)
        {
            Span<byte> room = output.GetSpan(16 << 10);
            int read = inflater.Read(room[..(int)Math.Min(room.Length, maxBytes + 1 - output.WrittenCount)]);
            if (read == 0)
            {
                return output.WrittenMemory;
            }
            output.Advance(read);
            if (output.WrittenCount > maxBytes)
            {
                return null;
            }
        }
    }

    private static double Quality(IList<StringWithQualityHeaderValue> named, string coding) =>
        named.Where(entry => entry.Value.Equals(coding, StringComparison.OrdinalIgnoreCase)).Select(entry => entry.Quality ?? 1).DefaultIfEmpty(0).Max();
}
