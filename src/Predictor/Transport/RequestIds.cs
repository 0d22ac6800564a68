namespace KServePaged.Predictor.Transport;

/// <summary>Gives each request its id: the caller's X-Request-Id where it can be used, else one of ours. It comes back as a header.</summary>
internal sealed class RequestIds(RequestDelegate next)
{
    public const string Header = "X-Request-Id";

    private const int MaxLength = 128;

    public Task InvokeAsync(HttpContext context)
    {
        string? given = context.Request.Headers[Header] is [{ } header] ? header : null;
        context.TraceIdentifier = IsUsable(given) ? given! : Create(); // IsUsable is false for null
        context.Response.Headers[Header] = context.TraceIdentifier;
        return next(context);
    }

    /// <summary>Short, and of visible ASCII only: it goes into headers, logs and response ids.</summary>
    public static bool IsUsable(string? id) => id is { Length: > 0 and <= MaxLength } && id.All(c => c is > ' ' and < (char)127);

    /// <summary>Tells requests apart and guards nothing, so its randomness is the cheap kind: OpenSSL's costs as much as routing a request.</summary>
    public static string Create()
    {
        Span<byte> id = stackalloc byte[8];
        Random.Shared.NextBytes(id);
        return Convert.ToHexStringLower(id);
    }
}
