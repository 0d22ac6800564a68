using System.Globalization;

namespace KServePaged.Predictor.Errors;

/// <summary>Answers with an error in the shape of the protocol that owns the request's path.</summary>
internal sealed class ErrorWriter(IEnumerable<IErrorShape> shapes)
{
    private readonly IErrorShape[] _shapes = [.. shapes];

    public Task WriteAsync(HttpContext context, ErrorReply reply)
    {
        HttpResponse response = context.Response;
        response.StatusCode = reply.Status.Http;
        if (reply.RetryAfter is { } retry)
        {
            response.Headers.RetryAfter = Math.Max(1, (long)Math.Ceiling(retry.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
            response.Headers["retry-after-ms"] = ((long)retry.TotalMilliseconds).ToString(CultureInfo.InvariantCulture); // the OpenAI SDKs' finer hint
        }
        return _shapes.First(shape => shape.Owns(context.Request.Path)).WriteAsync(context, reply);
    }
}
