using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Http.Features;

namespace KServePaged.Predictor.Transport.Grpc;

/// <summary>The server's messages of one call, flushed one by one. One writer at a time.</summary>
internal sealed class GrpcMessageWriter<T>(HttpResponse response, GrpcCallContext call, GrpcSerializer<T> serializer)
    where T : class
{
    private const int HeaderBytes = 5;
    private const int Http2Cancel = 8;

    /// <summary>Returns when the caller's window has taken the message: a slow reader holds back only its own call.</summary>
    /// <param name="compress">False sends this message as it is although the call has an encoding.</param>
    public async ValueTask WriteAsync(T message, CancellationToken cancellationToken, bool compress = true)
    {
        Put(message, serializer.Size(message), compress);
        await FlushAsync(cancellationToken).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested(); // writing to a lost connection succeeds silently
    }

    /// <summary>The only message of a call. A small one goes out with the trailers in one packet, which halves the cost of a unary call.</summary>
    public ValueTask WriteOnlyAsync(T message, CancellationToken cancellationToken)
    {
        const int SmallBytes = 32 << 10;
        int size = serializer.Size(message);
        if (size > SmallBytes)
        {
            return WriteAsync(message, cancellationToken);
        }
        Put(message, size, compress: true);
        return ValueTask.CompletedTask;
    }

    private void Put(T message, int size, bool compress)
    {
        call.WriteHeaders(response);
        call.HasMessage = true;
        IBufferWriter<byte> output = response.BodyWriter;
        if (compress && call.ResponseEncoding != GrpcEncoding.Identity)
        {
            var plain = new ArrayBufferWriter<byte>(Math.Max(size, 1));
            serializer.Write(message, plain);
            byte[] packed = GrpcEncoding.Compress(call.ResponseEncoding, plain.WrittenSpan);
            WriteFrameHeader(output, 1, packed.Length);
            output.Write(packed);
        }
        else
        {
            WriteFrameHeader(output, 0, size);
            serializer.Write(message, output);
        }
    }

    // Without the token: a flush that is cancelled makes Kestrel reset the stream, and a deadline that passes just then would lose its status.
    private async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        ValueTask<FlushResult> flush = response.BodyWriter.FlushAsync(CancellationToken.None);
        if (flush.IsCompleted)
        {
            await flush.ConfigureAwait(false);
            return;
        }
        Task<FlushResult> pending = flush.AsTask();
        try
        {
            await pending.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!pending.IsCompleted)
        {
            // The reader takes nothing, so a status behind the message would not reach it either.
            response.HttpContext.Features.GetRequiredFeature<IHttpResetFeature>().Reset(Http2Cancel);
            throw;
        }
    }

    private static void WriteFrameHeader(IBufferWriter<byte> output, byte flag, int length)
    {
        Span<byte> header = output.GetSpan(HeaderBytes);
        header[0] = flag;
        BinaryPrimitives.WriteUInt32BigEndian(header[1..], (uint)length);
        output.Advance(HeaderBytes);
    }
}
