using System.Buffers;
using System.IO.Compression;
using KServePaged.Predictor.Errors;

namespace KServePaged.Predictor.Transport.Grpc;

/// <summary>Message compression: identity, gzip, and deflate in its zlib form.</summary>
internal static class GrpcEncoding
{
    public const string Identity = "identity";

    public const string Gzip = "gzip";

    public const string Deflate = "deflate";

    public const string Accepted = "identity, gzip, deflate";

    public static bool IsKnown(string encoding) => encoding is Identity or Gzip or Deflate;

    /// <exception cref="GrpcException">RESOURCE_EXHAUSTED as soon as the output passes the limit; INTERNAL for a broken stream.</exception>
    public static ReadOnlySequence<byte> Decompress(string encoding, in ReadOnlySequence<byte> message, int maxBytes)
    {
        using var input = new MemoryStream(message.ToArray());
        using Stream inflater = encoding == Gzip ? new GZipStream(input, CompressionMode.Decompress) : new ZLibStream(input, CompressionMode.Decompress);
        var output = new ArrayBufferWriter<byte>();
        try
        {
            while (inflater.Read(output.GetSpan(16 << 10)) is var read and > 0)
            {
                output.Advance(read);
                if (output.WrittenCount > maxBytes)
                {
                    throw new GrpcException(GrpcStatusCode.ResourceExhausted, $"the message is larger than {maxBytes} bytes when decompressed.");
                }
            }
        }
        catch (InvalidDataException exception)
        {
            throw new GrpcException(GrpcStatusCode.Internal, $"the message is no valid {encoding} stream.", exception);
        }
        return new ReadOnlySequence<byte>(output.WrittenMemory);
    }

    public static byte[] Compress(string encoding, ReadOnlySpan<byte> message)
    {
        using var output = new MemoryStream();
        using (Stream deflater = encoding == Gzip
            ? new GZipStream(output, CompressionLevel.Fastest, leaveOpen: true)
            : new ZLibStream(output, CompressionLevel.Fastest, leaveOpen: true))
        {
            deflater.Write(message);
        }
        return output.ToArray();
    }
}
