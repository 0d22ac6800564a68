using KServePaged.Predictor.Configuration;

namespace KServePaged.Predictor.Storage;

/// <summary>The token that opens private and gated models. It is sent to the endpoint and told to nobody.</summary>
internal static class HubToken
{
    /// <returns>Null where none is given.</returns>
    /// <exception cref="HubException">The file cannot be read, or holds no token.</exception>
    public static string? Of(HubOptions options)
    {
        string? token = (options.Token ?? FromFile(options.TokenPath))?.Trim();
        if (string.IsNullOrEmpty(token))
        {
            return null;
        }
        return token.All(c => c is > ' ' and < '\x7f')
            ? token
            : throw new HubException($"The token in {(options.Token is null ? options.TokenPath : "HF_TOKEN")} has characters that no token has; is it more than the token?");
    }

    private static string? FromFile(string? path)
    {
        try
        {
            return path is not null && File.Exists(path) ? File.ReadAllText(path) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new HubException($"The token cannot be read (HF_TOKEN_PATH): {e.Message}", e);
        }
    }
}
