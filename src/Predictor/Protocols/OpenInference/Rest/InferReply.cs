using System.Buffers;
using System.Globalization;
using System.Text.Json;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenInference.Rest;

/// <summary>A whole infer answer: JSON, followed by the raw tensors that were wanted so, compressed where the caller asks for it.</summary>
internal static class InferReply
{
    public static async Task WriteAsync(HttpContext context, InferResponse response, BinaryOutputs binary)
    {
        (ReadOnlyMemory<byte> body, int? headerLength) = Encode(response, binary);
        if (headerLength is null)
        {
            context.Features.Get<IBodyTape>()?.Answered(body, "application/json");
        }
        else
        {
            context.Features.Get<IBodyTape>()?.Answered(body.Length, () => InferJsonWriter.Encode(response));
        }
        HttpResponse http = context.Response;
        http.ContentType = headerLength is null ? "application/json" : "application/octet-stream";
        if (headerLength is int length)
        {
            http.Headers[RestBody.HeaderLength] = length.ToString(CultureInfo.InvariantCulture);
        }
        if (ContentCoding.Wanted(context.Request.Headers.AcceptEncoding) is { } coding)
        {
            http.Headers.ContentEncoding = coding;
            body = ContentCoding.Compress(coding, body.Span);
        }
        http.ContentLength = body.Length;
        await http.BodyWriter.WriteAsync(body, context.RequestAborted).ConfigureAwait(false);
    }

    /// <returns>The body, and the length of its JSON where a binary part follows; null where all of it is JSON.</returns>
    public static (ReadOnlyMemory<byte> Body, int? HeaderLength) Encode(InferResponse response, BinaryOutputs binary)
    {
        // An answer without outputs, or with all of them in JSON, has no binary part and so no header.
        Dictionary<string, ReadOnlyMemory<byte>> raw = response.Outputs.Where(tensor => binary.Include(tensor.Name)).DistinctBy(tensor => tensor.Name).ToDictionary(tensor => tensor.Name, RawTensors.Encode);
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, JsonReply.Options))
        {
            InferJsonWriter.Write(json, response, raw);
        }
        if (raw.Count == 0)
        {
            return (buffer.WrittenMemory, null);
        }
        int headerLength = buffer.WrittenCount;
        foreach (InferTensor tensor in response.Outputs.Where(tensor => raw.ContainsKey(tensor.Name)))
        {
            buffer.Write(raw[tensor.Name].Span);
        }
        return (buffer.WrittenMemory, headerLength);
    }
}
