using Microsoft.AspNetCore.Http.Features;

namespace KServePaged.Predictor.Transport;

/// <summary>A request's path as it was sent: decoded, it no longer tells %2F from %252F.</summary>
internal static class RawPath
{
    /// <returns>What follows the prefix, still percent-encoded and without the query; empty when the prefix is not in it.</returns>
    public static string Below(HttpContext context, string prefix)
    {
        string target = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        int query = target.IndexOf('?', StringComparison.Ordinal);
        string path = query < 0 ? target : target[..query];
        int start = path.IndexOf(prefix, StringComparison.OrdinalIgnoreCase);
        return start < 0 ? "" : path[(start + prefix.Length)..];
    }
}
