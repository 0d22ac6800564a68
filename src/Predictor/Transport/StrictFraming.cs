namespace KServePaged.Predictor.Transport;

/// <summary>
/// Refuses HTTP/1.1 requests whose length two servers could read differently, and closes their connection: where a proxy stands in front,
/// such a request smuggles another one past it. Kestrel refuses most; these it resolves in a way of its own.
/// </summary>
internal sealed class StrictFraming(RequestDelegate next)
{
    /// <summary>Where Kestrel puts the Content-Length of a chunked request.</summary>
    private const string OverruledLength = "X-Content-Length";

    private const string LineFeedSwitch = "Microsoft.AspNetCore.Server.Kestrel.DisableHttp1LineFeedTerminators";

    /// <summary>A bare line feed ends no line. Read by Kestrel when it reads its first request.</summary>
    public static void DisableLineFeedTerminators() => AppContext.SetSwitch(LineFeedSwitch, true);

    public Task InvokeAsync(HttpContext context)
    {
        IHeaderDictionary headers = context.Request.Headers;
        if (headers.TransferEncoding.Count == 0)
        {
            return next(context);
        }
        string? problem =
            context.Request.Protocol != HttpProtocol.Http11 ? $"{context.Request.Protocol} has no Transfer-Encoding."
            : headers.ContentLength is not null || headers.ContainsKey(OverruledLength) ? "The request has both a Transfer-Encoding and a Content-Length."
            : headers.TransferEncoding is not [{ } coding] || !coding.Equals("chunked", StringComparison.OrdinalIgnoreCase)
                ? $"Transfer-Encoding '{headers.TransferEncoding}' is not read here, only 'chunked'."
            : null;
        if (problem is null)
        {
            return next(context);
        }
        context.Response.Headers.Connection = "close";
        throw new BadHttpRequestException(problem, StatusCodes.Status400BadRequest);
    }
}
