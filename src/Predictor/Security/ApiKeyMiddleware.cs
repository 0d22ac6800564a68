using KServePaged.Predictor.Errors;

namespace KServePaged.Predictor.Security;

/// <summary>Asks every request for a key, unknown routes included, except where an endpoint is marked <see cref="OpenToAll"/>.</summary>
internal sealed class ApiKeyMiddleware(RequestDelegate next, ApiKeys keys, ErrorWriter errors)
{
    private const string Scheme = "Bearer ";

    public Task InvokeAsync(HttpContext context)
    {
        if (!keys.AreRequired || context.GetEndpoint()?.Metadata.GetMetadata<OpenToAll>() is not null || IsAuthorized(context.Request))
        {
            return next(context);
        }
        context.Response.Headers.WWWAuthenticate = "Bearer";
        return errors.WriteAsync(context, ErrorReply.FromHttp(401, "A valid API key is needed: send it as 'Authorization: Bearer KEY'."));
    }

    private bool IsAuthorized(HttpRequest request) =>
        request.Headers.Authorization is [{ } header]
        && header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
        && keys.Accept(header.AsSpan(Scheme.Length));
}
