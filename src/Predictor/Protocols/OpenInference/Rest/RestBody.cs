using System.Globalization;
using System.Text.Json;
using KServePaged.Engine.Contracts;
using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenInference.Rest;

/// <summary>
/// Request bodies. Content-Type is not looked at: clients of this protocol send none, or anything. It is the header
/// <see cref="HeaderLength"/> alone that says whether something binary follows the JSON.
/// </summary>
internal static class RestBody
{
    /// <summary>Bytes of JSON at the begin of the body, counted before compression.</summary>
    public const string HeaderLength = "Inference-Header-Content-Length";

    /// <exception cref="RequestException">No JSON, or a form that this route does not read.</exception>
    /// <exception cref="BadHttpRequestException">The body exceeds the server's limit or breaks off.</exception>
    public static async Task<JsonElement> ReadAsync(HttpContext context)
    {
        if (context.Request.Headers.ContainsKey(HeaderLength))
        {
            throw new RequestException(EngineErrorCode.Unsupported, "this route takes no binary tensor data; send JSON.", HeaderLength);
        }
        return await JsonBody.ReadAsync(context).ConfigureAwait(false);
    }

    /// <exception cref="RequestException">The body is no infer request.</exception>
    /// <exception cref="BadHttpRequestException">The body exceeds the server's limit or breaks off.</exception>
    public static async Task<RestInfer> ReadInferAsync(HttpContext context)
    {
        ReadOnlyMemory<byte> body = await RequestBody.ReadAsync(context).ConfigureAwait(false);
        string? headerLength = context.Request.Headers.TryGetValue(HeaderLength, out var length) ? length.ToString() : null;
        RestInfer infer = ReadInfer(body, headerLength);
        if (headerLength is null)
        {
            context.Features.Get<IBodyTape>()?.Asked(body, "application/json");
        }
        else
        {
            context.Features.Get<IBodyTape>()?.Asked(body.Length, () => InferJsonWriter.Encode(infer.Request));
        }
        return infer;
    }

    /// <param name="headerLength">The header's value; null = the whole body is JSON.</param>
    /// <exception cref="RequestException">The body is no infer request.</exception>
    public static RestInfer ReadInfer(ReadOnlyMemory<byte> body, string? headerLength)
    {
        if (headerLength is null)
        {
            return InferJsonReader.Read(JsonBody.Parse(body), binary: null);
        }
        if (!int.TryParse(headerLength, NumberStyles.None, CultureInfo.InvariantCulture, out int length) || length > body.Length)
        {
            throw JsonFields.Invalid($"{HeaderLength} is '{headerLength}'; it must be a number of bytes of at most the body's {body.Length}.", HeaderLength);
        }
        var binary = new BinaryInputs(body[length..]);
        RestInfer infer = InferJsonReader.Read(JsonBody.Parse(body[..length]), binary);
        binary.RequireEnd();
        return infer;
    }
}
