using KServePaged.Predictor.Transport;

namespace KServePaged.Predictor.Protocols.OpenInference;

/// <summary>What a client may say beside a model's name when it loads or unloads one.</summary>
internal static class RepositoryParameters
{
    /// <summary>Triton's overrides of a configuration and of files are refused: a model is its directory, and no file comes from a request.</summary>
    /// <exception cref="Engine.Contracts.RequestException">There is a parameter.</exception>
    public static void RequireLoad(IEnumerable<string> names)
    {
        if (names.FirstOrDefault() is { } name)
        {
            throw JsonFields.Invalid($"failed to load: parameter '{name}' is not supported; a model is loaded as its directory is.", name);
        }
    }

    /// <summary><c>unload_dependents</c> is taken: no model depends on another, so both its values say the same.</summary>
    /// <exception cref="Engine.Contracts.RequestException">There is another parameter.</exception>
    public static void RequireUnload(IEnumerable<string> names)
    {
        if (names.FirstOrDefault(name => name != "unload_dependents") is { } name)
        {
            throw JsonFields.Invalid($"failed to unload: parameter '{name}' is not supported; only unload_dependents is.", name);
        }
    }
}
