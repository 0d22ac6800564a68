using System.Buffers;
using System.IO.Pipelines;
using KServePaged.Engine.Contracts;
using Microsoft.AspNetCore.Http.Features;

namespace KServePaged.Predictor.Transport;

/// <summary>A request's whole body, decompressed where Content-Encoding says so.</summary>
internal static class RequestBody
{
    /// <exception cref="RequestException">Unsupported: a coding that is not read here. InvalidArgument: the body is not what its coding says.</exception>
    /// <exception cref="BadHttpRequestException">The body is too large (413, decompressed as well), too slow or malformed as HTTP.</exception>
    public static async Task<ReadOnlyMemory<byte>> ReadAsync(HttpContext context)
    {
        string coding = context.Request.Headers.ContentEncoding.ToString().Trim().ToLowerInvariant();
        if (coding is not ("" or ContentCoding.Identity or ContentCoding.Gzip or ContentCoding.Deflate))
        {
            throw new RequestException(
                EngineErrorCode.Unsupported, $"Content-Encoding '{coding}' is not read here; send the body as it is, or as gzip or deflate.", "Content-Encoding");
        }
        byte[] bytes = await ReadBytesAsync(context.Request.BodyReader).ConfigureAwait(false);
        return coding is "" or ContentCoding.Identity ? bytes : Decompress(context, coding, bytes);
    }

    private static ReadOnlyMemory<byte> Decompress(HttpContext context, string coding, byte[] bytes)
    {
        long limit = context.Features.Get<IHttpMaxRequestBodySizeFeature>()?.MaxRequestBodySize ?? Array.MaxLength;
        try
        {
            return ContentCoding.Decompress(coding, new ReadOnlySequence<byte>(bytes), limit)
                ?? throw new BadHttpRequestException("The decompressed body is too large.", StatusCodes.Status413PayloadTooLarge);
        }
        catch (InvalidDataException exception)
        {
            throw new RequestException(
                EngineErrorCode.InvalidArgument, $"The request body is no valid {coding} stream, as its Content-Encoding says.", "Content-Encoding", exception);
        }
    }

    private static async ValueTask<ReadResult> ReadAsync(PipeReader reader)
    {
        try
        {
            return await reader.ReadAsync(CancellationToken.None).ConfigureAwait(false);
        }
        catch (IOException e) when (e.InnerException is OverflowException)
        {
            // The one malformed chunk that Kestrel takes for its own failure.
            throw new BadHttpRequestException("A chunk of the request body is larger than can be.", StatusCodes.Status400BadRequest, e);
        }
    }

    private static async Task<byte[]> ReadBytesAsync(PipeReader reader)
    {
        while (true)
        {
            // No token: Kestrel ends the read itself when the caller leaves or is too slow, and a cancelled read would still be in
            // progress when Kestrel looks for the end of the body.
            ReadResult result = await ReadAsync(reader).ConfigureAwait(false);
            if (result.IsCompleted)
            {
                byte[] bytes = result.Buffer.ToArray();
                reader.AdvanceTo(result.Buffer.End);
                return bytes;
            }
            reader.AdvanceTo(result.Buffer.Start, result.Buffer.End); // kept in the pipe's pooled segments, up to the body limit
        }
    }
}
