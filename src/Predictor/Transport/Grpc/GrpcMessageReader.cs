using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using Google.Protobuf;
using KServePaged.Predictor.Errors;

namespace KServePaged.Predictor.Transport.Grpc;

/// <summary>The caller's messages: a flag byte, a big-endian length of four bytes, the message. One call's own; not thread-safe.</summary>
/// <param name="drained">Cuts reading short: what has not come by then is not waited for.</param>
internal sealed class GrpcMessageReader<T>(PipeReader input, GrpcParser<T> parser, string encoding, int maxBytes, CancellationToken drained)
    where T : class
{
    private const int HeaderBytes = 5;

    /// <summary>Whether the message read last was compressed.</summary>
    public bool LastWasCompressed { get; private set; }

    /// <summary>The server wants no more messages: reading ended although the caller has not closed its side.</summary>
    public bool IsCutShort { get; private set; }

    // The message read last ended where the caller had closed its side: there is no other, and the pipe need not be asked.
    private bool _isAtEnd;

    /// <returns>Null when the caller has closed its side between two messages, or reading was cut short.</returns>
    /// <exception cref="GrpcException">A frame that breaks off, lies, or is too large.</exception>
    public ValueTask<T?> ReadAsync(CancellationToken cancellationToken)
    {
        if (_isAtEnd)
        {
            return default;
        }
        // Most often a message is there when it is asked for.
        bool isEnded = drained.IsCancellationRequested || cancellationToken.IsCancellationRequested;
        return !isEnded && input.TryRead(out ReadResult result) && TryTake(result, out T? message) ? new(message) : AwaitAsync(cancellationToken);
    }

    /// <exception cref="GrpcException">INTERNAL: there is not exactly one message. UNAVAILABLE: reading was cut short.</exception>
    public async ValueTask<T> ReadSingleAsync(CancellationToken cancellationToken)
    {
        T? message = await ReadAsync(cancellationToken).ConfigureAwait(false);
        T? another = message is null ? null : await ReadAsync(cancellationToken).ConfigureAwait(false);
        ThrowIfCutShort();
        return another is not null ? throw new GrpcException(GrpcStatusCode.Internal, "the request has more than one message.")
            : message ?? throw new GrpcException(GrpcStatusCode.Internal, "the request has no message.");
    }

    /// <exception cref="GrpcException">UNAVAILABLE: reading was cut short, and there may be messages that nobody answers.</exception>
    public void ThrowIfCutShort()
    {
        if (IsCutShort)
        {
            throw new GrpcException(GrpcStatusCode.Unavailable, OpenCalls.Message);
        }
    }

    public async IAsyncEnumerable<T> ReadAllAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        while (await ReadAsync(cancellationToken).ConfigureAwait(false) is { } message)
        {
            yield return message;
        }
    }

    private async ValueTask<T?> AwaitAsync(CancellationToken cancellationToken)
    {
        using CancellationTokenRegistration cut = drained.UnsafeRegister(static state => ((PipeReader)state!).CancelPendingRead(), input);
        while (true)
        {
            if (TryTake(await input.ReadAsync(cancellationToken).ConfigureAwait(false), out T? message))
            {
                return message;
            }
        }
    }

    /// <param name="message">Null: there is no other.</param>
    /// <returns>False: more must come before it is known.</returns>
    private bool TryTake(in ReadResult result, out T? message)
    {
        message = null;
        ReadOnlySequence<byte> buffer = result.Buffer;
        if (result.IsCanceled)
        {
            input.AdvanceTo(buffer.Start);
            IsCutShort = true;
            return true;
        }
        if (TryFrame(buffer, out bool compressed, out ReadOnlySequence<byte> frame))
        {
            message = Parse(frame, compressed);
            _isAtEnd = result.IsCompleted && buffer.Length == HeaderBytes + frame.Length;
            input.AdvanceTo(frame.End);
            LastWasCompressed = compressed;
            return true;
        }
        // All of it is examined: that is what lets the sender go on when a message is larger than its window.
        input.AdvanceTo(buffer.Start, buffer.End);
        if (result.IsCompleted && !buffer.IsEmpty)
        {
            throw new GrpcException(GrpcStatusCode.Internal, "the request ends inside a message.");
        }
        return result.IsCompleted;
    }

    private bool TryFrame(in ReadOnlySequence<byte> buffer, out bool compressed, out ReadOnlySequence<byte> frame)
    {
        compressed = false;
        frame = default;
        if (buffer.Length < HeaderBytes)
        {
            return false;
        }
        Span<byte> header = stackalloc byte[HeaderBytes];
        buffer.Slice(0, HeaderBytes).CopyTo(header);
        compressed = header[0] switch
        {
            0 => false,
            1 when encoding != GrpcEncoding.Identity => true,
            1 => throw new GrpcException(GrpcStatusCode.Internal, "a message is marked as compressed, but the call names no grpc-encoding."),
            _ => throw new GrpcException(GrpcStatusCode.Internal, $"a message begins with the flag {header[0]}."),
        };
        uint length = BinaryPrimitives.ReadUInt32BigEndian(header[1..]);
        if (length > maxBytes)
        {
            throw new GrpcException(GrpcStatusCode.ResourceExhausted, $"a message of {length} bytes is larger than the limit of {maxBytes}.");
        }
        if (buffer.Length < HeaderBytes + length)
        {
            return false;
        }
        frame = buffer.Slice(HeaderBytes, length);
        return true;
    }

    private T Parse(in ReadOnlySequence<byte> frame, bool compressed)
    {
        try
        {
            return parser.Parse(compressed ? GrpcEncoding.Decompress(encoding, frame, maxBytes) : frame);
        }
        catch (Exception exception) when (exception is InvalidProtocolBufferException or InvalidDataException)
        {
            throw new GrpcException(GrpcStatusCode.Internal, $"the message is no {parser.MessageName}: {exception.Message}", exception);
        }
    }
}
