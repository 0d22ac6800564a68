using System.Buffers;
using Google.Protobuf;

namespace KServePaged.Predictor.Transport.Grpc;

/// <summary>How bytes become messages of a type.</summary>
/// <param name="MessageName">The protocol's name of the message.</param>
/// <param name="Parse">Borrows the bytes. Throws <see cref="InvalidProtocolBufferException"/> or <see cref="InvalidDataException"/> where they are no such message.</param>
internal sealed record GrpcParser<T>(string MessageName, Func<ReadOnlySequence<byte>, T> Parse);

/// <summary>The generated classes' own.</summary>
internal static class GrpcParser
{
    public static GrpcParser<T> Of<T>(MessageParser<T> parser)
        where T : class, IMessage<T> => new(typeof(T).Name, parser.ParseFrom);
}
