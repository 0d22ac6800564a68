using System.Buffers.Binary;
using Google.Protobuf;

namespace KServePaged.Predictor.Transport.Grpc;

/// <summary>One message in gRPC's frame, for the rare call that this server makes itself.</summary>
internal static class GrpcFrame
{
    private const int HeaderBytes = 5;

    public static byte[] Of(IMessage message)
    {
        byte[] frame = new byte[HeaderBytes + message.CalculateSize()];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), frame.Length - HeaderBytes);
        message.WriteTo(frame.AsSpan(HeaderBytes));
        return frame;
    }

    /// <returns>Null when it is not exactly one uncompressed frame, as of a call that failed.</returns>
    /// <exception cref="InvalidProtocolBufferException">The message is no such message.</exception>
    public static T? TryParse<T>(byte[] body, MessageParser<T> parser)
        where T : class, IMessage<T> =>
        body.Length >= HeaderBytes && body[0] == 0 && BinaryPrimitives.ReadUInt32BigEndian(body.AsSpan(1)) == body.Length - HeaderBytes
            ? parser.ParseFrom(body, HeaderBytes, body.Length - HeaderBytes)
            : null;
}
