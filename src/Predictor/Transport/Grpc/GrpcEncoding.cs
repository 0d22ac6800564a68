using System.Buffers;
using KServePaged.Predictor.Errors;

namespace KServePaged.Predictor.Transport.Grpc;

/// <summary>Message compression: identity, gzip, and deflate in its zlib form.</summary>
internal static class GrpcEncoding
{
    public const string Identity = ContentCoding.Identity;

    public const string Gzip = ContentCoding.Gzip;

    public const string Deflate = ContentCoding.Deflate;

    // Without blanks: @grpc/grpc-js splits at the comma alone and would stop compressing after the first answer.
    public const string Accepted = "identity,gzip,deflate";

    public static bool IsKnown(string encoding) => encoding is Identity or Gzip or Deflate;

    /// <exception cref="GrpcException">RESOURCE_EXHAUSTED as soon as the output passes the limit; INTERNAL for a broken stream.</exception>
    public static ReadOnlySequence<byte> Decompress(string encoding, in ReadOnlySequence<byte> message, int maxBytes)
    {
        try
        {
            return ContentCoding.Decompress(encoding, message, maxBytes) is { } bytes
                ? new ReadOnlySequence<byte>(bytes)
                : throw new GrpcException(GrpcStatusCode.ResourceExhausted, $"the message is larger than {maxBytes} bytes when decompressed.");
        }
        catch (InvalidDataException exception)
        {
            throw new GrpcException(GrpcStatusCode.Internal, $"the message is no valid {encoding} stream.", exception);
        }
    }

    public static byte[] Compress(string encoding, ReadOnlySpan<byte> message) => ContentCoding.Compress(encoding, message);
}
