using System.Buffers.Binary;
using System.IO.Compression;
using Google.Protobuf;
using KServePaged.Predictor.Errors;
using KServePaged.Predictor.Tests.Doubles;
using KServePaged.Predictor.Tests.Protocols.Fuzz;
using KServePaged.Predictor.Transport.Grpc;

namespace KServePaged.Predictor.Tests.Transport.Grpc;

/// <summary>
/// The frame reader against a parser that has all bytes at hand: whatever the bytes are and wherever they are cut, both read the same messages
/// and then end in the same way.
/// </summary>
public sealed class GrpcFrameFuzzTests
{
    private const int Seed = 20260104;
    private const int MaxMessageBytes = 2000;

    private static readonly string[] Encodings = [GrpcEncoding.Identity, GrpcEncoding.Gzip, GrpcEncoding.Deflate];

    [Fact]
    public async Task Reader_WithAnyBytesInAnyPieces_ReadsWhatTheReferenceReads()
    {
        var random = new Random(Seed);
        byte[][][] frames = [.. Encodings.Select(encoding => Enumerable.Range(0, 100).Select(_ => Frame(random, encoding)).ToArray())];
        var endings = new Dictionary<GrpcStatusCode, int>();
        for (int i = 0; i < FuzzRun.Cases; i++)
        {
            int encoding = random.Next(Encodings.Length);
            byte[] bytes = Mutated(random, [.. Enumerable.Range(0, random.Next(4)).SelectMany(_ => frames[encoding][random.Next(100)])]);
            (List<byte[]> expected, GrpcStatusCode ending) = Reference(bytes, Encodings[encoding]);
            (List<byte[]> actual, GrpcStatusCode actualEnding) = await ReadAsync(new PiecewisePipeReader(bytes, Cuts(random, bytes.Length)), Encodings[encoding]);
            if (ending != actualEnding || !expected.SequenceEqual(actual, ByteArrays.Instance))
            {
                Assert.Fail($"case {i}, {Encodings[encoding]}, {Convert.ToHexString(bytes)}: {actual.Count} messages and {actualEnding} instead of {expected.Count} and {ending}");
            }
            endings[ending] = endings.GetValueOrDefault(ending) + 1;
        }
        Assert.Equal([GrpcStatusCode.Ok, GrpcStatusCode.ResourceExhausted, GrpcStatusCode.Internal], endings.Keys.Order()); // it did come to each of them
    }

    private static async Task<(List<byte[]> Messages, GrpcStatusCode Ending)> ReadAsync(PiecewisePipeReader input, string encoding)
    {
        var messages = new List<byte[]>();
        var reader = new GrpcMessageReader<SimpleRequest>(input, GrpcParser.Of(SimpleRequest.Parser), encoding, MaxMessageBytes, CancellationToken.None);
        try
        {
            while (await reader.ReadAsync(CancellationToken.None) is { } message)
            {
                messages.Add(message.ToByteArray());
            }
            return (messages, GrpcStatusCode.Ok);
        }
        catch (GrpcException e)
        {
            return (messages, e.Status);
        }
    }

    private static (List<byte[]> Messages, GrpcStatusCode Ending) Reference(ReadOnlySpan<byte> bytes, string encoding)
    {
        var messages = new List<byte[]>();
        while (bytes.Length > 0)
        {
            if (bytes.Length < 5 || bytes[0] > 1 || (bytes[0] == 1 && encoding == GrpcEncoding.Identity))
            {
                return (messages, GrpcStatusCode.Internal);
            }
            uint length = BinaryPrimitives.ReadUInt32BigEndian(bytes[1..]);
            if (length > MaxMessageBytes)
            {
                return (messages, GrpcStatusCode.ResourceExhausted);
            }
            if (bytes.Length - 5 < length)
            {
                return (messages, GrpcStatusCode.Internal);
            }
            byte[] message = bytes.Slice(5, (int)length).ToArray();
            try
            {
                message = bytes[0] == 1 ? Inflated(message, encoding) : message;
                if (message.Length > MaxMessageBytes)
                {
                    return (messages, GrpcStatusCode.ResourceExhausted);
                }
                messages.Add(SimpleRequest.Parser.ParseFrom(message).ToByteArray());
            }
            catch (Exception e) when (e is InvalidDataException or IOException or InvalidProtocolBufferException)
            {
                return (messages, GrpcStatusCode.Internal);
            }
            bytes = bytes[(5 + (int)length)..];
        }
        return (messages, GrpcStatusCode.Ok);
    }

    // At most one byte more than is allowed.
    private static byte[] Inflated(byte[] message, string encoding)
    {
        using var input = new MemoryStream(message);
        using Stream inflater = encoding == GrpcEncoding.Gzip ? new GZipStream(input, CompressionMode.Decompress) : new ZLibStream(input, CompressionMode.Decompress);
        byte[] output = new byte[MaxMessageBytes + 1];
        return output[..inflater.ReadAtLeast(output, output.Length, throwOnEndOfStream: false)];
    }

    private static byte[] Frame(Random random, string encoding)
    {
        byte[] body = new byte[random.Next(8) == 0 ? random.Next(MaxMessageBytes - 100, MaxMessageBytes + 100) : random.Next(40)];
        if (random.Next(2) == 0)
        {
            random.NextBytes(body); // else zeros, which shrink to little
        }
        byte[] message = new SimpleRequest { ResponseSize = random.Next(1000), Payload = new Payload { Body = ByteString.CopyFrom(body) } }.ToByteArray();
        return encoding == GrpcEncoding.Identity || random.Next(3) == 0
            ? GrpcTestClient.Frame(message)
            : GrpcTestClient.Frame(GrpcEncoding.Compress(encoding, message), flag: 1);
    }

    private static byte[] Mutated(Random random, byte[] bytes)
    {
        for (int i = random.Next(3); i > 0 && bytes.Length > 0; i--)
        {
            int at = random.Next(bytes.Length);
            switch (random.Next(6))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes = bytes[..at];
                    break;
                case 2:
                    bytes = [.. bytes[..at], (byte)random.Next(256), .. bytes[at..]];
                    break;
                case 3:
                    bytes = [.. bytes[..at], .. bytes[Math.Min(bytes.Length, at + random.Next(1, 9))..]];
                    break;
                case 4:
                    bytes = [.. bytes, .. bytes[at..]];
                    break;
                default:
                    if (bytes.Length >= 5)
                    {
                        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(1), random.Next(-2, 2 * MaxMessageBytes)); // the length lies
                    }
                    break;
            }
        }
        return bytes;
    }

    private static int[] Cuts(Random random, int length) => [.. Enumerable.Range(0, random.Next(6)).Select(_ => random.Next(length + 1)).Order()];

    private sealed class ByteArrays : IEqualityComparer<byte[]>
    {
        public static ByteArrays Instance { get; } = new();

        public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(byte[] bytes) => bytes.Length;
    }
}
