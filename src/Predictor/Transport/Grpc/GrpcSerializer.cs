using System.Buffers;
using Google.Protobuf;

namespace KServePaged.Predictor.Transport.Grpc;

/// <summary>How messages of a type become bytes.</summary>
/// <param name="Size">Bytes that <paramref name="Write"/> will write.</param>
internal sealed record GrpcSerializer<T>(Func<T, int> Size, Action<T, IBufferWriter<byte>> Write);

/// <summary>The generated classes' own.</summary>
internal static class GrpcSerializer
{
    public static GrpcSerializer<T> Of<T>()
        where T : class, IMessage<T> => new(static message => message.CalculateSize(), static (message, output) => message.WriteTo(output));
}
